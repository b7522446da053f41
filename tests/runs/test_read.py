from pathlib import Path

import pytest

from tasks.common.errors import BadDataError
from tasks.common.hashed_files import HashedFile
from tasks.runs.find import Run
from tasks.runs.read import checked_file, read_checked, read_config
from tests.support.made_runs import HISTORY, make_run, recorded


def test_the_files_of_a_run_are_read(tmp_path: Path) -> None:
    run = make_run(tmp_path, seed=4)
    assert read_config(run).fit.seed == 4
    assert read_checked(run, "history.json") == HISTORY
    assert read_checked(run, "metrics.json")["accuracy"] == 0.75
    assert read_checked(run, "data_report.json")["train"]["reviews"] == 80


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
    run = make_run(tmp_path)
    (run.folder / "config.json").write_text('{"fit": {"nesterov": 1}}')
    record = HashedFile.model_validate(recorded(run.folder / "config.json"))
    manifest = run.manifest.model_copy(update={"files": {"config.json": record}})
    with pytest.raises(BadDataError, match=r"another version .*nesterov=1: there is no such field"):
        read_config(Run(folder=run.folder, manifest=manifest))
