"""The figure of a sweep: what each trial reached, and the best so far."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from tasks.chart_style import BLUE, ORANGE, QUIET, chart_style, new_chart, save_chart, save_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tasks.experiments_config import Objective
    from tasks.sweep_study import EndedTrial

_WIDTH, _HEIGHT = 8.0, 3.6


def draw_sweep(trials: Sequence[EndedTrial], objective: Objective, folder: Path) -> None:
    """Write `sweep.svg` and `sweep.png`.

    Args:
        trials: Those that have ended, at least one of them complete.
        objective: Which figure of theirs is drawn.
        folder: Where to write.
    """
    from matplotlib.ticker import MaxNLocator

    complete = [one for one in trials if one.result.figure is not None]
    numbers = [one.number for one in complete]
    figures = [one.result.figure or 0.0 for one in complete]
    better = min if objective == "val_loss" else max
    with chart_style():
        figure, axes = new_chart(_WIDTH, _HEIGHT)
        axes.plot(numbers, figures, "o", color=BLUE, label="complete")
        axes.step(
            numbers, list(accumulate(figures, better)), where="post", color=ORANGE, label="best"
        )
        # They have no figure of a whole training, so they stand at the edge.
        for outcome, marker in (("pruned", "|"), ("failed", "x")):
            ended = [one.number for one in trials if one.result.outcome == outcome]
            if ended:
                edge = axes.get_xaxis_transform()
                places = [0.03] * len(ended)
                axes.plot(ended, places, marker, color=QUIET, transform=edge, label=outcome)
        axes.set_xlabel("Trial")
        axes.set_ylabel(f"{objective} of the best epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.legend(ncols=4, loc="lower right", bbox_to_anchor=(1, 1))
        save_chart(figure, folder / "sweep.svg")
        save_picture(figure, folder / "sweep.png")
