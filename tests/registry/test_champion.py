import json
import logging
import os
import random
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import PromotionError, StorageError
from tasks.common.records import read_record
from tasks.registry.champion import ChampionStore
from tasks.registry.events import Champion, current_champion
from tests.support.faults.bit_flips import flipped
from tests.support.faults.kill_promotions import decide_and_die, lock_is_free
from tests.support.promotion_events import make_event, next_event


def decide(store: ChampionStore, times: int = 1) -> None:
    for _ in range(times):
        with store.deciding() as events:
            store.append(next_event(events))


@pytest.fixture
def store(tmp_path: Path) -> ChampionStore:
    return ChampionStore(tmp_path / "artifacts")


def test_a_new_folder_has_no_champion_and_reading_writes_nothing(store: ChampionStore) -> None:
    assert store.events() == []
    assert store.artifacts.exists() is False


def test_an_event_is_one_line_and_the_pointer_names_its_run(store: ChampionStore) -> None:
    decide(store)
    (line,) = store.log.read_text().splitlines()
    assert json.loads(line)["kind"] == "promoted"
    assert read_record(Champion, store.pointer) == Champion(
        run_id="run-1",
        since="2026-01-01T00:00:00+00:00",
        number=1,
        manifest_sha256="manifest of run-1",
    )


def test_an_event_with_a_flipped_bit_is_found(store: ChampionStore) -> None:
    decide(store)
    event = store.events()
    for place, damaged in flipped(store.log.read_bytes()):
        store.log.write_bytes(damaged)
        with suppress(PromotionError):
            assert store.events() in ([], event), place


def test_lines_are_only_ever_added(store: ChampionStore) -> None:
    content = b""
    for _ in range(8):
        decide(store)
        assert store.log.read_bytes().startswith(content)
        content = store.log.read_bytes()
    assert [event.number for event in store.events()] == list(range(1, 9))


def test_a_refusal_leaves_the_champion(store: ChampionStore) -> None:
    decide(store, 2)
    pointer = store.pointer.read_bytes()
    decide(store)
    assert store.events()[-1].kind == "refused"
    assert store.pointer.read_bytes() == pointer


def test_a_torn_last_line_never_counted_and_is_set_aside(
    store: ChampionStore, caplog: pytest.LogCaptureFixture
) -> None:
    decide(store, 2)
    whole = store.log.read_bytes()
    store.log.write_bytes(whole + b'{"number":3,"kind":"prom')
    assert len(store.events()) == 2
    with caplog.at_level(logging.WARNING), store.deciding() as events:
        assert len(events) == 2
    assert store.log.read_bytes() == whole
    assert (
        ArtifactStore(store.artifacts).torn_promotions.read_bytes() == b'{"number":3,"kind":"prom\n'
    )
    assert "was torn" in caplog.text
    decide(store)
    assert len(store.events()) == 3


@pytest.mark.parametrize("pointer", [None, b"", b"{}", b"behind"])
def test_the_pointer_follows_what_the_log_says(store: ChampionStore, pointer: bytes | None) -> None:
    decide(store)
    behind = store.pointer.read_bytes()
    decide(store)
    right = store.pointer.read_bytes()
    store.pointer.unlink()
    if pointer is not None:
        store.pointer.write_bytes(behind if pointer == b"behind" else pointer)
    champion = store.champion()
    assert champion is not None
    assert champion.run_id == "run-2"
    assert store.pointer.read_bytes() == right


def test_a_log_that_lost_events_is_not_believed(store: ChampionStore) -> None:
    decide(store, 2)
    store.log.write_bytes(store.log.read_bytes().splitlines(keepends=True)[0])
    for act in (store.events, store.champion, lambda: decide(store)):
        with pytest.raises(PromotionError, match=r"has 1 events, but .* names event 2: bring the"):
            act()


@pytest.mark.parametrize("damage", ["cut", "swapped", "edited"])
def test_a_damaged_line_is_named(store: ChampionStore, damage: str) -> None:
    decide(store, 3)
    lines = store.log.read_bytes().splitlines(keepends=True)
    lines[1] = {
        "cut": lines[1][:9] + b"\n",
        "swapped": lines[2],
        "edited": lines[1].replace(b"promoted", b"perhaps"),
    }[damage]
    store.log.write_bytes(b"".join(lines))
    with pytest.raises(PromotionError, match="its line 2 is not event 2; bring the file back"):
        store.events()


def test_a_failed_decision_leaves_no_trace_and_frees_the_lock(store: ChampionStore) -> None:
    decide(store)
    before = store.log.read_bytes()
    with pytest.raises(KeyError), store.deciding():
        raise KeyError
    assert store.log.read_bytes() == before
    assert lock_is_free(store.artifacts)


def test_a_disk_that_gets_full_is_one_sentence_and_the_next_decision_is_good(
    store: ChampionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(store, 2)
    real = os.write

    def half(descriptor: int, content: bytes) -> int:
        if len(content) < 200:
            raise OSError(28, "No space left on device")
        return real(descriptor, content[:200])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(StorageError, match="the disk is full"):
        decide(store)
    monkeypatch.undo()
    assert len(store.events()) == 2
    decide(store, 2)
    assert [event.number for event in store.events()] == [1, 2, 3, 4]


def test_a_second_decision_waits_for_the_first(
    store: ChampionStore, caplog: pytest.LogCaptureFixture
) -> None:
    second = threading.Thread(target=decide, args=(store,))
    with caplog.at_level(logging.INFO), store.deciding() as events:
        second.start()
        second.join(timeout=0.3)
        assert second.is_alive()
        store.append(make_event(len(events) + 1, "promoted", "mine"))
    second.join(timeout=20)
    assert [event.run_id for event in store.events()] == ["mine", "run-2"]
    assert "another promotion is being decided; waiting for it" in caplog.text


def test_log_and_pointer_agree_after_a_kill_at_each_file_operation(store: ChampionStore) -> None:
    operation = 1
    while (code := decide_and_die(store.artifacts, operation)) == -9:
        require_one_story(store)
        operation += 1
    assert code == 0
    assert operation > 10
    assert ArtifactStore(store.artifacts).torn_promotions.is_file()


def test_a_kill_while_a_torn_line_is_set_aside_loses_nothing(store: ChampionStore) -> None:
    decide(store, 2)
    torn = store.log.read_bytes() + b'{"number":3,'
    code, operation = -9, 0
    while code == -9:
        store.log.write_bytes(torn)
        store.pointer.unlink(missing_ok=True)
        operation += 1
        code = decide_and_die(store.artifacts, operation) or 0
        assert len(store.events()) in (2, 3)
        require_one_story(store)
    assert code == 0
    assert len(store.events()) == 3


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_nothing_that_was_answered_is_lost_by_kills_at_random_operations(
    store: ChampionStore, kills: int
) -> None:
    chance = random.Random(kills)
    survived, kept = 0, 0
    while survived < kills:
        code = decide_and_die(store.artifacts, chance.randint(1, 25))
        survived += code == -9
        found = require_one_story(store)
        assert found - kept in ((1,) if code == 0 else (0, 1))
        kept = found
    assert decide_and_die(store.artifacts, None, decisions=2) == 0
    assert require_one_story(store) == kept + 2


def require_one_story(store: ChampionStore) -> int:
    """Check that the lock is free and that log and pointer agree; return the number of events."""
    assert not ArtifactStore(store.artifacts).deciding.exists() or lock_is_free(store.artifacts)
    seen = store.events()
    champion = store.champion()
    with store.deciding() as events:
        assert events == seen
    assert champion == current_champion(seen)
    if champion is not None:
        assert read_record(Champion, store.pointer) == champion
    return len(seen)
