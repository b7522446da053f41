"""Results that are read and never changed, and their files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_to_bytes

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from tasks.common.atomic_files import write_text
from tasks.common.canonical_json import json_sha256, readable_json

_Model = TypeVar("_Model", bound=BaseModel)


_FILE_ADDRESS = "file://"

_SEAL = "record_sha256"


def is_utf8(path: Path) -> bool:
    """Tell whether the bytes of a path are UTF-8, so that JSON can hold it as it stands."""
    return os.fsencode(path) == str(path).encode(errors="replace")


def path_text(path: Path) -> str:
    """Return a path as text: as a file:// address where its bytes are not UTF-8."""
    return path.as_posix() if is_utf8(path) else path.absolute().as_uri()


def _of_text(given: object, other: ValidatorFunctionWrapHandler) -> Path:
    if isinstance(given, str) and given.startswith(_FILE_ADDRESS):
        return Path(os.fsdecode(unquote_to_bytes(given.removeprefix(_FILE_ADDRESS))))
    path: Path = other(given)
    return path


AnyPath = Annotated[Path, WrapValidator(_of_text), PlainSerializer(path_text, return_type=str)]
"""A path whose name may be of any bytes, which is text in JSON all the same."""


class Record(BaseModel):
    """Frozen, with no other fields than its own; `model_dump` is what `--json` shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Settings(Record):
    """Frozen, known and finite settings; the text below each is its help and its label in forms."""

    model_config = ConfigDict(allow_inf_nan=False, use_attribute_docstrings=True)


def write_json(file: Path, value: Any) -> None:  # noqa: ANN401 - a record or any JSON value
    """Write it without a hash, whole or not at all, into a folder that is made if missing."""
    content = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    write_text(file, readable_json(content))


def write_record(file: Path, record: BaseModel) -> None:
    """Write a record with its hash, as `write_json` writes one without."""
    write_text(file, readable_json(sealed(record)))


def read_record(kind: type[_Model], file: Path) -> _Model | None:
    """Return the record that `write_record` wrote, None where it is missing or damaged."""
    try:
        return unsealed(kind, file.read_bytes())
    except (OSError, ValueError):
        return None


def sealed(record: BaseModel) -> dict[str, Any]:
    """Return the JSON value of a record, with the hash of all else in it."""
    content = record.model_dump(mode="json")
    return content | {_SEAL: json_sha256(content)}


def unsealed(
    kind: type[_Model], text: bytes, render: Callable[[Any], str] = readable_json
) -> _Model:
    """Return the record in a JSON text; raise a ValueError where its hash is not that of the rest.

    `render` is what made the text of the `sealed` record. The hash finds damage and what was put in
    another place, not somebody who computes it anew.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    # Another text of equal value, as of a number with a wrong last digit, is damage too.
    if text != render(content).encode() or not isinstance(content, dict):
        raise ValueError("it is not what is written for a record")
    if content.pop(_SEAL, None) != json_sha256(content):
        raise ValueError("its hash differs")
    return kind.model_validate_json(json.dumps(content))
