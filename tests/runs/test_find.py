from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError
from tasks.runs.find import find_run, find_runs
from tests.support.made_runs import FIRST, SECOND, THIRD, age, make_run

NAMES = (FIRST, SECOND, THIRD)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    for name in NAMES:
        make_run(folder, name)
    return folder


def test_runs_are_found_newest_first(artifacts: Path) -> None:
    found = find_runs(artifacts)
    assert [run.manifest.run_id for run in found.runs] == [THIRD, SECOND, FIRST]
    assert found.unreadable == []


def test_a_run_of_the_future_is_not_the_latest(tmp_path: Path) -> None:
    for name in (FIRST, "29990101T000000Z-eeeeeeee", SECOND):
        make_run(tmp_path, name)
    assert find_run(tmp_path, "latest").manifest.run_id == SECOND
    assert find_runs(tmp_path).runs[-1].manifest.run_id.startswith("2999")


def test_what_cannot_be_read_is_reported_and_hides_no_other_run(tmp_path: Path) -> None:
    make_run(tmp_path, FIRST)
    age(make_run(tmp_path, SECOND))
    damaged = make_run(tmp_path, THIRD).folder
    (damaged / "manifest.json").write_text("{}")
    (tmp_path / "runs/empty").mkdir()
    (tmp_path / "runs/.writing-3").mkdir()
    (tmp_path / "runs/notes.txt").write_text("")
    found = find_runs(tmp_path)
    assert [run.manifest.run_id for run in found.runs] == [FIRST]
    reasons = {folder.folder.name: folder.reason for folder in found.unreadable}
    assert sorted(reasons) == [SECOND, THIRD, "empty"]
    assert "its schema_version is 1, not 2" in reasons[SECOND]
    assert "manifest.json is damaged" in reasons[THIRD]
    assert "is not a finished run" in reasons["empty"]
    assert not any("\n" in reason for reason in reasons.values())


def test_a_folder_without_runs_has_none(tmp_path: Path) -> None:
    assert find_runs(tmp_path / "missing").runs == []
    with pytest.raises(
        BadDataError, match=r"no runs in .*missing/runs; make one with: python flows/train"
    ):
        find_run(tmp_path / "missing", "latest")


def test_a_file_in_the_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    ArtifactStore(tmp_path).runs.write_text("")
    with pytest.raises(BadDataError, match="Not a directory; name another folder"):
        find_runs(tmp_path)


@given(st.sampled_from(NAMES), st.integers(1, len(FIRST)))
def test_the_start_of_an_id_names_a_run_exactly_if_no_other_begins_so(
    artifacts: Path, name: str, length: int
) -> None:
    start = name[:length]
    if sum(other.startswith(start) for other in NAMES) == 1:
        assert find_run(artifacts, start).manifest.run_id == name
    else:
        with pytest.raises(BadDataError, match=rf"'{start}' names \d runs .*; write more"):
            find_run(artifacts, start)


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), max_size=30))
def test_any_other_text_names_no_run(artifacts: Path, text: str) -> None:
    known = [name for name in NAMES if name.startswith(text) or name.endswith(f"-{text}")]
    if not (known or text == "latest" or Path(text).is_dir()) or not text:
        with pytest.raises(BadDataError, match="names no run in"):
            find_run(artifacts, text)


@pytest.mark.parametrize("name", NAMES)
def test_the_last_part_of_an_id_and_the_folder_name_a_run(artifacts: Path, name: str) -> None:
    assert find_run(artifacts, name.rpartition("-")[2]).manifest.run_id == name
    assert (
        find_run(Path("elsewhere"), str(ArtifactStore(artifacts).runs / name)).manifest.run_id
        == name
    )
    assert find_run(Path("elsewhere"), f"{artifacts}/runs/{name}/").manifest.run_id == name


def test_the_whole_id_names_its_run_even_where_another_begins_so(tmp_path: Path) -> None:
    make_run(tmp_path, FIRST)
    make_run(tmp_path, f"{FIRST}-copy")
    assert find_run(tmp_path, FIRST).folder.name == FIRST


def test_latest_is_the_newest_that_can_be_read(tmp_path: Path) -> None:
    make_run(tmp_path, FIRST)
    newest = make_run(tmp_path, SECOND)
    assert find_run(tmp_path, "latest").manifest.run_id == SECOND
    age(newest)
    assert find_run(tmp_path, "latest").manifest.run_id == FIRST
    age(find_run(tmp_path, FIRST))
    with pytest.raises(BadDataError, match=r"none of the runs .* see why with: .*runs.py list"):
        find_run(tmp_path, "latest")


def test_a_run_that_cannot_be_read_is_reported_with_the_reason(tmp_path: Path) -> None:
    age(make_run(tmp_path, FIRST))
    with pytest.raises(BadDataError, match="written by another version"):
        find_run(tmp_path, "aaaaaaaa")
    with pytest.raises(BadDataError, match="is not a finished run"):
        find_run(tmp_path, str(tmp_path / "runs/none"))
