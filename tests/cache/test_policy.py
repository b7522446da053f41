"""A hit is what was computed for its key, or it is no hit."""

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
def store(done: RunSummary, tmp_path: Path) -> ArtifactStore:
    """A copy of the artifacts of a small run."""
    return ArtifactStore(shutil.copytree(done.folder.parent.parent, tmp_path / "artifacts"))


def keys(store: ArtifactStore) -> list[str]:
    return sorted(f"{file.parent.name}/{file.stem}" for file in store.records.glob("*/*.json"))


def is_hit(store: ArtifactStore, key: str) -> bool:
    try:
        found = VerifiedRecords(root=store.root.absolute()).read_path(key)
    except LookupError:
        return False
    return Path(json.loads(found)["storage_key"]) == store.results.absolute() / key


def accepted_flips(store: ArtifactStore, key: str) -> Iterator[str]:
    for file in (store.record_file(key), store.results / key):
        whole = file.read_bytes()
        for place, damaged in flipped(whole):
            file.write_bytes(damaged)
            if is_hit(store, key):
                yield f"{file.name}: {place}"
        file.write_bytes(whole)
    assert is_hit(store, key)


def test_no_flipped_bit_of_a_record_or_a_result_is_accepted(store: ArtifactStore) -> None:
    (key,) = (key for key in keys(store) if key.startswith("build/"))
    assert list(accepted_flips(store, key)) == []


@pytest.mark.slow
def test_no_flipped_bit_of_any_record_of_a_run_is_accepted(store: ArtifactStore) -> None:
    assert [flip for key in keys(store) for flip in accepted_flips(store, key)] == []


def test_what_another_step_left_is_no_hit(store: ArtifactStore) -> None:
    one, other = keys(store)[:2]
    assert is_hit(store, one)
    for folder in (store.records, store.results):
        for file, source in ((one, other), (other, one)):
            suffix = ".json" if folder == store.records else ""
            shutil.copyfile(folder / f"{source}{suffix}", folder / f".{Path(file).name}")
            (folder / f".{Path(file).name}").replace(folder / f"{file}{suffix}")
        assert not is_hit(store, one)
        assert not is_hit(store, other)


def test_no_class_that_a_file_names_is_imported(store: ArtifactStore) -> None:
    key = keys(store)[0]
    result = store.results / key
    found = json.loads(result.read_bytes())
    result.write_text(json.dumps(found | {"__class__": "this.Zen"}))
    assert not is_hit(store, key)
    store.record_file(key).write_text(json.dumps({"serializer": {"object_decoder": "this.s"}}))
    assert not is_hit(store, key)
    assert "this" not in sys.modules
