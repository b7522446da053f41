"""The report of a sweep: its chart, the ranking of its trials, and its winners."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from tasks.common.errors import BadDataError
from tasks.common.records import Record, write_json
from tasks.config.experiments import Objective
from tasks.experiments.study import (
    EndedTrial,
    StudyBasis,
    Winner,
    add_winner,
    basis_of,
    ended_trials,
    spent_seconds,
    winners,
)
from tasks.reports.style import (
    BLUE,
    ORANGE,
    QUIET,
    chart_style,
    new_chart,
    save_chart,
    save_picture,
)
from tasks.run_summary import RunSummary
from tasks.runs.find import find_run
from tasks.runs.manifest import read_manifest

if TYPE_CHECKING:
    import optuna

_WIDTH, _HEIGHT = 8.0, 3.6


def draw_sweep(trials: Sequence[EndedTrial], objective: Objective, folder: Path) -> None:
    """Write `sweep.svg` and `sweep.png` of ended trials, at least one of them complete."""
    complete = {one.number: one.result.value for one in trials if one.result.value is not None}
    numbers, metrics = list(complete), list(complete.values())
    better = min if objective == "val_loss" else max
    with chart_style():
        figure, axes = new_chart(_WIDTH, _HEIGHT)
        axes.plot(numbers, metrics, "o", color=BLUE, label="complete")
        best = list(accumulate(metrics, better))
        axes.step(numbers, best, where="post", color=ORANGE, label="best")
        # They have no metric of a whole training, so they stand at the edge.
        for outcome, marker in (("pruned", "|"), ("failed", "x")):
            ended = [one.number for one in trials if one.result.outcome == outcome]
            if ended:
                edge = axes.get_xaxis_transform()
                places = [0.03] * len(ended)
                axes.plot(ended, places, marker, color=QUIET, transform=edge, label=outcome)
        axes.set(xlabel="Trial", ylabel=f"{objective} of the best epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.legend(ncols=4, loc="lower right", bbox_to_anchor=(1, 1))
        save_chart(figure, folder / "sweep.svg")
        save_picture(figure, folder / "sweep.png")


SWEEP_JSON = "sweep.json"


class SweepReport(Record):
    """What came of a study; the last winner is that of the best trial."""

    study: str
    basis: StudyBasis
    seconds: float
    trials: list[EndedTrial]
    best: int
    winners: list[Winner]

    @property
    def ranked(self) -> list[EndedTrial]:
        """The complete trials, the best one first, then the others by their numbers."""
        return _ranked(self.trials, self.basis.objective)


def sweep_report(study: optuna.Study, winner: Winner) -> SweepReport:
    """Return the report of a study; `winner` is the run of its best trial's config."""
    others = [one for one in winners(study) if one.run_id != winner.run_id]
    return SweepReport(
        study=study.study_name,
        basis=basis_of(study),
        seconds=spent_seconds(study),
        trials=ended_trials(study),
        best=winner.trial,
        winners=[*others, winner],
    )


def best_trial(trials: Sequence[EndedTrial], objective: Objective) -> EndedTrial | None:
    """Return the complete trial with the best metric, the first of equal ones; None without."""
    complete = [one for one in trials if one.result.value is not None]
    return next(iter(_ranked(complete, objective)), None)


def _ranked(trials: Sequence[EndedTrial], objective: Objective) -> list[EndedTrial]:
    sign = 1 if objective == "val_loss" else -1

    def place(trial: EndedTrial) -> tuple[float, int]:
        metric = trial.result.value
        return math.inf if metric is None else sign * metric, trial.number

    return sorted(trials, key=place)


def write_sweep(folder: Path, report: SweepReport) -> None:
    """Write `sweep.json`, `sweep.svg` and `sweep.png` into the folder of the study."""
    write_json(folder / SWEEP_JSON, report)
    draw_sweep(report.trials, report.basis.objective, folder)


def known_winner(study: optuna.Study, best: EndedTrial, artifacts: Path) -> Winner | None:
    """Return the winner of an earlier run of the sweep, None where there is none any more.

    The test reviews are not used again for what is known.
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
    """Return the winner that the study has from now on."""
    weights = read_manifest(summary.folder).weights["best_model_hash"]
    winner = Winner(
        trial=best.number,
        run_id=summary.folder.name,
        score=summary.score,
        same_weights=weights == best.result.weights,
    )
    add_winner(study, winner)
    return winner
