from pathlib import Path

import numpy as np
import pytest

from tasks.common.errors import BadDataError
from tasks.config.training import SourceConfig
from tasks.data.sources.check_files import check_users_files
from tasks.data.sources.slice_columns import read_slice_columns
from tasks.data.sources.source_files import SliceColumns
from tests.support.review_samples import source_of, write_file

ROWS = 3000


def reviews(path: Path, name: str = "source") -> Path:
    columns = {
        "text": [f"w{row}" for row in range(ROWS)],
        "label": ["bad", "good"] * (ROWS // 2),
        name: [f"s{row % 7}" if row % 5 else "" for row in range(ROWS)],
    }
    return write_file(path, columns)


def slices(path: Path, columns: str, **files: Path) -> SliceColumns:
    config = SourceConfig(source="files", train_file=path, slice_columns=columns)
    found = SliceColumns.of(source_of("files", train=path, **files), config)
    assert found is not None
    return found


def test_the_rows_that_are_asked_for_have_their_texts(tmp_path: Path) -> None:
    path = reviews(tmp_path / "a.csv")
    rows = np.array([0, 1, 1023, 1024, 2999])
    found = read_slice_columns(slices(path, "source, text,source"), rows)
    assert found["source"] == ["" if row % 5 == 0 else f"s{row % 7}" for row in rows.tolist()]
    assert found["text"] == [f"w{row}" for row in rows.tolist()]
    assert list(found) == ["source", "text"]


def test_the_file_is_that_of_the_test_reviews_and_only_its_content_is_in_the_key(
    tmp_path: Path,
) -> None:
    train, test = reviews(tmp_path / "a.csv", "other"), reviews(tmp_path / "b.csv")
    given = slices(train, "source", test=test)
    assert given.file == test
    moved = given.model_copy(update={"file": train})
    assert moved.content_hash == given.content_hash
    assert slices(test, "source").content_hash == given.content_hash
    assert slices(test, "text").content_hash != given.content_hash
    plain = SourceConfig(source="files", train_file=train)
    assert SliceColumns.of(source_of("files", train=train), plain) is None


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = reviews(tmp_path / "a.csv")
    given = slices(path, "source")
    with path.open("a") as file:
        file.write("more,bad,x\n")
    with pytest.raises(BadDataError, match="was changed while it was read"):
        read_slice_columns(given, np.array([0]))


def test_a_column_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    train, test = reviews(tmp_path / "a.csv", "other"), reviews(tmp_path / "b.csv")
    config = SourceConfig(source="files", train_file=train, test_file=test, slice_columns="source")
    check_users_files(config)
    with pytest.raises(BadDataError, match="has no column 'source'"):
        check_users_files(config.model_copy(update={"test_file": None}))
