"""Promote a run to champion where it passes all gates, or go back to an earlier champion."""

import getpass
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import file_sha256
from tasks.common.errors import ChampionAlreadyError, PromotionError
from tasks.config.promotion import PromotionConfig
from tasks.config.training import TrainingConfig
from tasks.registry.champion import ChampionStore, best_model, promoted_run, require_other
from tasks.registry.events import Decision, PromotionEvent, headline, line_of_champions
from tasks.registry.gates import Gate, Latency, judge
from tasks.runs.find import Run, find_run
from tasks.runs.manifest import MANIFEST
from tasks.runs.read import read_config, reading_runs

AskModel = Callable[[Run, TrainingConfig], tuple[Latency, Gate]]


def promote(
    artifacts: Path,
    run: Run,
    config: PromotionConfig,
    ask_model: AskModel,
    *,
    who: str,
    reason: str,
    without_comparison: bool = False,
) -> PromotionEvent:
    """Make `run` the champion if it passes all gates; return what was decided, as logged.

    `ask_model` tells how long the model takes, and whether it gives the recorded predictions. With
    `without_comparison` a champion that cannot be compared is no obstacle.

    Raises:
        ChampionAlreadyError: The run is the champion, or has its model.
        PromotionError: The run is damaged or elsewhere, a recorded score is not that of its
            predictions, or the log is damaged.
        StorageError: The artifacts folder cannot be written to.
    """
    from tasks.registry.challenge import (
        challenge_champion,
        challenger_metrics,
        require_challenger,
        require_true_scores,
    )

    _require_whole(artifacts, run)
    with reading_runs(run):
        require_true_scores(run)
    store = ChampionStore(artifacts)
    require_challenger(artifacts, run, store.events())
    # Measured before the lock is taken: it takes seconds and does not depend on the champion.
    with reading_runs(run):
        config_of_run = read_config(run)
        latency, predictions = ask_model(run, config_of_run)
        metrics = challenger_metrics(run, config_of_run, latency)
    with store.deciding() as events:
        require_challenger(artifacts, run, events)
        champion = challenge_champion(
            artifacts, run, events, config, without_comparison=without_comparison
        )
        gates = [*judge(metrics, champion, config), predictions]
        event = PromotionEvent(
            number=len(events) + 1,
            kind="promoted" if all(gate.passed for gate in gates) else "refused",
            former_champion=champion.champion,
            config=config,
            metrics=metrics,
            gates=tuple(gates),
            test=champion.test,
            look=champion.look,
            **_described(run, who, reason),
        )
        store.append(event)
    return event


def decision_of(artifacts: Path, asked: Callable[[], PromotionEvent]) -> Decision:
    """Return what `asked`, a call of `promote`, decides, also where the run is champion already.

    So a step that is tried again after it had decided ends well, and decides nothing twice.
    """
    try:
        event = asked()
    except ChampionAlreadyError as error:
        champion = ChampionStore(artifacts).champion()
        found = champion.run_id if champion else None
        return Decision(
            kind="champion already", headline=str(error), former_champion=found, champion=found
        )
    kind = "promoted" if event.kind == "promoted" else "refused"
    return Decision(
        kind=kind,
        headline=headline(event),
        former_champion=event.former_champion,
        champion=event.run_id if kind == "promoted" else event.former_champion,
        event=event,
    )


def rollback(artifacts: Path, to: str | None, *, who: str, reason: str) -> PromotionEvent:
    """Make the previous champion, or an earlier one, the champion again; return what was logged.

    `to` names a run that was champion; None is the one before the present champion. A
    PromotionError says that there is no such champion, or that its files or the log are damaged; a
    StorageError that the artifacts folder cannot be written to.
    """
    wanted = None if to is None else find_run(artifacts, to).manifest.run_id
    store = ChampionStore(artifacts)
    with store.deciding() as events:
        target = _rollback_target(events, wanted)
        run = promoted_run(artifacts, target)
        champion = require_other(events, target.run_id)
        event = PromotionEvent(
            number=len(events) + 1,
            kind="rolled back",
            former_champion=champion.run_id if champion else None,
            **_described(run, who, reason),
        )
        store.append(event)
    return event


def who_am_i() -> str:
    """Return the user and the machine, for the log."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # a container may have no name for its user
    return f"{user}@{socket.gethostname()}"


def _require_whole(artifacts: Path, run: Run) -> None:
    runs = ArtifactStore(artifacts).runs
    if run.folder.absolute() != (runs / run.manifest.run_id).absolute():
        raise PromotionError(f"{run.folder} is not in {runs}: name its folder with --artifacts")
    faults = run.manifest.faults(run.folder)
    if faults:
        raise PromotionError(
            f"{run.folder} is damaged ({'; '.join(faults)}): bring it back as it was, or start"
            " that run again"
        )


def _rollback_target(events: list[PromotionEvent], wanted: str | None) -> PromotionEvent:
    if wanted is not None:
        for event in reversed(events):
            if event.kind == "promoted" and event.run_id == wanted:
                return event
        raise PromotionError(f"{wanted} was never champion: promote it")
    line = line_of_champions(events)
    if not line:
        raise PromotionError("there is no champion yet: promote a run")
    if len(line) == 1:
        raise PromotionError(f"{line[0].run_id} has no champion before it: promote another run")
    return line[-2]


def _described(run: Run, who: str, reason: str) -> dict[str, Any]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": who,
        "reason": reason,
        "run_id": run.manifest.run_id,
        "manifest_sha256": file_sha256(run.folder / MANIFEST),
        "model": best_model(run),
        "test_fingerprint": run.manifest.fingerprints["test"],
    }
