"""A hit is what was computed for its key, or it is no hit."""

import itertools
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.cache.policy import VerifiedRecords
from tasks.common.artifact_store import ArtifactStore
from tasks.run_summary import RunSummary
from tests.support.faults.bit_flips import flipped


@pytest.fixture
def store(done: RunSummary, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> ArtifactStore:
    """A copy of the artifacts of a small run; why each of many hits is refused is not logged."""
    caplog.set_level("CRITICAL", "tasks.cache.policy")
    return ArtifactStore(shutil.copytree(done.folder.parent.parent, tmp_path / "artifacts"))


def keys(store: ArtifactStore) -> list[str]:
    return sorted(f"{file.parent.name}/{file.stem}" for file in store.records.glob("*/*.json"))


def is_hit(store: ArtifactStore, key: str) -> bool:
    return reads(VerifiedRecords(root=store.root.absolute()), key)


def reads(records: VerifiedRecords, key: str) -> bool:
    try:
        found = records.read_path(key)
    except LookupError:
        return False
    return Path(json.loads(found)["storage_key"]) == records.root / "cache/results" / key


def accepted_flips(store: ArtifactStore, key: str, every: int) -> Iterator[str]:
    records = VerifiedRecords(root=store.root.absolute())
    for file in (store.record_file(key), store.results / key):
        whole = file.read_bytes()
        for place, damaged in itertools.islice(flipped(whole), None, None, every):
            file.write_bytes(damaged)
            if reads(records, key):
                yield f"{file.name}: {place}"
        file.write_bytes(whole)
    assert is_hit(store, key)


def test_no_flipped_bit_of_a_record_or_a_result_is_accepted(store: ArtifactStore) -> None:
    (key,) = (key for key in keys(store) if key.startswith("build/"))
    assert list(accepted_flips(store, key, every=11)) == []


@pytest.mark.slow
def test_no_flipped_bit_of_any_record_of_a_run_is_accepted(store: ArtifactStore) -> None:
    assert [flip for key in keys(store) for flip in accepted_flips(store, key, every=1)] == []


def swap(one: Path, other: Path) -> None:
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])


def test_what_another_step_left_is_no_hit(store: ArtifactStore) -> None:
    pair = keys(store)[:2]
    assert [is_hit(store, key) for key in pair] == [True, True]
    swap(store.record_file(pair[0]), store.record_file(pair[1]))
    assert [is_hit(store, key) for key in pair] == [False, False]
    swap(store.results / pair[0], store.results / pair[1])
    assert [is_hit(store, key) for key in pair] == [False, False]


def test_a_folder_in_the_place_of_a_file_is_set_aside(store: ArtifactStore) -> None:
    key = keys(store)[0]
    files = [store.record_file(key), store.results / key, store.key_file(key)]
    for file in [*files, store.locks / f"{key}.lock"]:
        file.unlink(missing_ok=True)
        (file / "inside").mkdir(parents=True)
    assert not is_hit(store, key)
    store.clear_places(key)
    assert [file for file in files if file.exists()] == []
    with store.workspace() as folder:
        (folder / "a.txt").write_text("a")
        kept = store.keep("load", folder)
    target = store.file(kept, "a.txt")
    target.unlink()
    target.mkdir()
    with store.workspace() as folder:
        (folder / "a.txt").write_text("a")
        assert store.faults(store.keep("load", folder)) == []


def test_no_class_that_a_file_names_is_imported(store: ArtifactStore) -> None:
    key = keys(store)[0]
    result = store.results / key
    found = json.loads(result.read_bytes())
    result.write_text(json.dumps(found | {"__class__": "this.Zen"}))
    assert not is_hit(store, key)
    store.record_file(key).write_text(json.dumps({"serializer": {"object_decoder": "this.s"}}))
    assert not is_hit(store, key)
    assert "this" not in sys.modules
