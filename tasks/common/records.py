"""Results that are read and never changed, and their files."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.common.atomic_files import write_text
from tasks.common.canonical_json import readable_json

_Model = TypeVar("_Model", bound=BaseModel)


class Record(BaseModel):
    """Frozen, with no other fields than its own; `model_dump` is what `--json` shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def write_record(file: Path, record: BaseModel) -> None:
    """Write a record, whole or not at all, into a folder that is made where it is missing."""
    write_text(file, readable_json(record.model_dump(mode="json")))


def read_record(kind: type[_Model], file: Path) -> _Model | None:
    """Return the record in a file, None where it is missing or damaged."""
    try:
        return kind.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None
