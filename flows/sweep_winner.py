"""The winner of a sweep: known from before, or trained anew and noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import BadDataError
from tasks.find_runs import find_run
from tasks.run_manifest import read_manifest
from tasks.sweep_study import Winner, add_winner, winners

if TYPE_CHECKING:
    from pathlib import Path

    import optuna

    from tasks.run_manifest import RunSummary
    from tasks.sweep_study import EndedTrial


def known_winner(study: optuna.Study, best: EndedTrial, artifacts: Path) -> Winner | None:
    """Return the winner of an earlier run of the sweep, None where there is none any more.

    The test reviews are not looked at again for what is known.

    Args:
        study: Has the winners.
        best: The best trial.
        artifacts: Has the runs.
    """
    known = [one for one in winners(study) if one.trial == best.number]
    if not known:
        return None
    try:
        find_run(artifacts, known[-1].run_id)
    except BadDataError:
        return None
    return known[-1]


def note_winner(study: optuna.Study, best: EndedTrial, summary: RunSummary) -> Winner:
    """Return the winner that the study has from now on.

    Args:
        study: Takes note of it.
        best: The best trial.
        summary: The run of its config, trained anew.
    """
    weights = read_manifest(summary.folder).weights["best_model_hash"]
    winner = Winner(
        trial=best.number,
        run_id=summary.folder.name,
        score=summary.score,
        same_weights=weights == best.result.weights,
    )
    add_winner(study, winner)
    return winner
