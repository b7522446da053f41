from pathlib import Path

import pytest

from tasks.common.errors import BadDataError
from tasks.runs.read import checked_file, read_config
from tests.support.made_runs import changed_json, make_run


@pytest.mark.parametrize("name", ["config.json", "history.json", "metrics.json"])
def test_a_damaged_or_missing_file_is_never_read(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path)
    content = (run.folder / name).read_bytes()
    (run.folder / name).write_bytes(content.replace(b"0", b"1"))
    with pytest.raises(BadDataError, match=f"{name} is corrupt .*; bring the file back or start"):
        checked_file(run, name)
    (run.folder / name).unlink()
    with pytest.raises(BadDataError, match=f"{name} is missing"):
        checked_file(run, name)


def test_a_link_is_no_part_of_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    file = run.folder / "history.json"
    file.rename(tmp_path / "history.json")
    file.symlink_to(tmp_path / "history.json")
    (run.folder / "more").symlink_to(tmp_path)
    assert run.manifest.faults(run.folder) == ["history.json is a link", "more is a link"]


def test_a_file_that_is_not_in_the_manifest_is_never_read(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.folder / "other.json").write_text("{}")
    with pytest.raises(BadDataError, match=r"other\.json is not in its manifest"):
        checked_file(run, "other.json")


def test_a_config_of_another_version_is_reported(tmp_path: Path) -> None:
    run = changed_json(make_run(tmp_path), "config.json", {"fit": {"nesterov": 1}})
    with pytest.raises(BadDataError, match=r"another version .*nesterov=1: there is no such field"):
        read_config(run)
