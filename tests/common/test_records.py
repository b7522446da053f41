import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tasks.common.records import AnyPath, Record, path_text

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
