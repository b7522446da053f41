import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.records import AnyPath, Record, path_text, read_record, write_json, write_record
from tests.support.faults.bit_flips import flipped

NAMES = st.binary(min_size=1, max_size=9).filter(lambda name: not {0, ord("/")} & set(name))


class Named(Record):
    """A record with a path."""

    path: AnyPath


@given(name=NAMES, folder=st.sampled_from([b"", b"/tmp/", b"r\xe9/", "é%e9/".encode()]))
def test_a_path_of_any_bytes_is_kept_in_json(name: bytes, folder: bytes) -> None:
    path = Path(os.fsdecode(folder + name))
    record = Named(path=path)
    again = Named.model_validate_json(record.model_dump_json())
    assert os.path.abspath(again.path) == os.path.abspath(path)  # noqa: PTH100 - keeps its bytes
    assert Named.model_validate(record.model_dump()).path == again.path
    path_text(path).encode()


class Facts(Record):
    """A record with values of each kind."""

    name: str
    count: int
    share: float | None
    parts: dict[str, list[bool]]


FACTS = Facts(name="é\x1b", count=3, share=0.1 + 0.2, parts={"a": [True], "b": []})


def test_no_flipped_bit_gives_another_record(tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    write_record(file, FACTS)
    for place, damaged in flipped(file.read_bytes()):
        file.write_bytes(damaged)
        assert read_record(Facts, file) in (None, FACTS), place


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "[" * 100_000, '{"name": NaN}', "\xff"])
def test_what_is_no_record_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_bytes(text.encode("latin-1"))
    assert read_record(Facts, tmp_path / "facts.json") is None
    assert read_record(Facts, tmp_path) is None


def test_a_record_without_its_hash_is_none(tmp_path: Path) -> None:
    write_json(tmp_path / "facts.json", FACTS)
    assert read_record(Facts, tmp_path / "facts.json") is None
