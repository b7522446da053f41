import errno
import itertools
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.common import locks
from tasks.common.artifact_store import ArtifactStore, StepOutput
from tasks.common.errors import StorageError
from tests.support.faults.tiny_disk import tiny_disk


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts").open()


def keep(store: ArtifactStore, text: str, **content: str) -> StepOutput:
    with store.workspace() as folder:
        (folder / "a.txt").write_text(text)
        return store.keep(
            "step", folder, {"rows": 3}, {"a.txt": content["content"]} if content else {}
        )


def test_a_kept_file_is_found_by_its_record(store: ArtifactStore) -> None:
    output = keep(store, "hello")
    assert store.file(output, "a.txt").read_text() == "hello"
    assert store.faults(output) == []


def test_equal_content_is_stored_once(store: ArtifactStore) -> None:
    assert keep(store, "hello") == keep(store, "hello")
    assert len([path for path in store.objects.rglob("*") if path.is_file()]) == 1


def test_a_declared_content_hash_replaces_that_of_the_bytes(store: ArtifactStore) -> None:
    first, second = keep(store, "at noon", content="c"), keep(store, "at one", content="c")
    assert first.content_hash == second.content_hash
    assert first.files["a.txt"].sha256 != second.files["a.txt"].sha256


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_text("hell"), "has 4 bytes instead of 5"),
        (lambda path: path.write_text("hallo"), "is corrupt"),
    ],
)
def test_damage_is_told(store: ArtifactStore, damage: Callable[[Path], object], fault: str) -> None:
    output = keep(store, "hello")
    damage(store.file(output, "a.txt"))
    assert fault in " ".join(store.faults(output))


@pytest.mark.parametrize(
    ("fault", "raised", "sentence"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt, None),
        (OSError(errno.ENOSPC, "full"), StorageError, "the disk is full; free or unlock it"),
    ],
)
def test_an_interrupted_workspace_leaves_nothing_and_a_full_disk_is_one_sentence(
    store: ArtifactStore, fault: BaseException, raised: type[BaseException], sentence: str | None
) -> None:
    def fail() -> None:
        with store.workspace() as folder:
            (folder / "half").write_text("x")
            raise fault

    with pytest.raises(raised, match=sentence):
        fail()
    assert list(store.objects.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("")
    with pytest.raises(StorageError, match="a part of the path is not a folder"):
        ArtifactStore(tmp_path / "artifacts").open()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with tiny_disk(tmp_path / "disk", 256) as disk:
        yield disk


def test_a_really_full_disk_leaves_nothing_half_written(small_disk: Path) -> None:
    store = ArtifactStore(small_disk).open()

    def fill() -> None:
        with store.workspace() as folder:
            (folder / "big").write_bytes(b"x" * 1_000_000)

    with pytest.raises(StorageError, match="the disk is full"):
        fill()
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []


def test_a_really_read_only_folder_is_reported_in_one_sentence(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageError, match="the file system is read-only"):
        ArtifactStore(small_disk).open()


def test_what_was_left_half_written_a_day_ago_is_removed(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path).open()
    (store.records / "load").mkdir(parents=True)
    places = [store.objects, store.runs, store.records / "load"]
    for place, age_s in itertools.product(places, (0, 90_000)):
        folder = place / f".writing-{age_s}"
        folder.mkdir()
        (folder / "part").write_text("half")
        os.utime(folder, (time.time() - age_s,) * 2)
    names = [path.name for place in places for path in place.iterdir()]
    with locks.in_use(tmp_path), store.in_use():
        assert [path.name for place in places for path in place.iterdir()] == names
    with store.in_use():
        left = [path.name for place in places for path in place.iterdir()]
    assert left == [".writing-0"] * 3
