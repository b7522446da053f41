"""Measure what a trial costs besides its training, and what a second worker brings.

Start it from the project's folder with `python -m benchmarks.measure_sweep`.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from benchmarks.made_reviews import write_corpus
from benchmarks.paired import Spread, ratios, run_child, scratch_folder, turn_order, write_result
from tasks.config.experiments import Runner
from tasks.experiments.sweep_report import SWEEP_JSON, SweepReport

WORKERS = ("1", "2")

# One core for each training, so that two of them have two.
_ONE_CORE = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}

_SPACE = "[fit.learning_rate]\nlow = 0.005\nhigh = 0.02\nlog = true\n"


@dataclass(frozen=True)
class SweepCost:
    """What one sweep took.

    `seconds` is from the first trial's begin to the last one's end; `besides` is what each trial
    took besides the step that trains: a process of its own, imports, Prefect, cached steps.
    """

    workers: str
    trials: int
    seconds: float
    training: list[float]
    besides: list[float]


def cost_of(workers: str, report: SweepReport) -> SweepCost:
    """Return what a sweep took whose trials are complete."""
    training = [
        sum(step.seconds for step in trial.result.steps if step.step == "train")
        for trial in report.trials
    ]
    besides = [
        trial.result.seconds - seconds
        for trial, seconds in zip(report.trials, training, strict=True)
    ]
    return SweepCost(workers, len(report.trials), report.seconds, training, besides)


def measure_sweep(
    workers: str, runner: Runner, trials: int, seed: int, corpus: Path, artifacts: Path
) -> SweepCost:
    """Run a sweep of the n-gram network and return what it took."""
    study = f"{runner}-{workers}-{seed}"
    options = [
        *("--recipe", "ngrams", "--source", "files", "--train-file", str(corpus)),
        *("--seed", str(seed), "--epochs", "3", "--stop-patience", "9"),
        *("--trials", str(trials), "--sampler", "random", "--no-pruning", "--study", study),
        *("--space", str(corpus.with_name("space.toml")), "--artifacts", str(artifacts)),
        *("--runner", runner, "--workers", workers),
    ]
    run_child([sys.executable, "flows/sweep_flow.py", *options], os.environ | _ONE_CORE)
    content = (artifacts / "sweeps" / study / SWEEP_JSON).read_bytes()
    return cost_of(workers, SweepReport.model_validate_json(content))


def show(costs: list[SweepCost], runner: Runner, console: Console) -> None:
    """Print what a trial costs, and by how much two workers are quicker."""
    by_workers = {name: [cost for cost in costs if cost.workers == name] for name in WORKERS}
    table = Table("workers", "seconds per trial", "of which training", "besides", title=runner)
    for name, found in by_workers.items():
        per_trial = Spread.of([cost.seconds / cost.trials for cost in found])
        training = Spread.of([one for cost in found for one in cost.training])
        besides = Spread.of([one for cost in found for one in cost.besides])
        table.add_row(name, per_trial.text(1), training.text(1), besides.text(1))
    console.print(table)
    one, two = ([cost.seconds for cost in by_workers[name]] for name in WORKERS)
    gain = Spread.of(ratios(one, two))
    console.print(f"two workers are {gain.text(2)} times as quick as one, round by round")


def main(
    *,
    rounds: int = 3,
    trials: int = 4,
    reviews: int = 20_000,
    runner: Runner = "local",
    json: Annotated[Path | None, Parameter(help="Keep all measures in this file.")] = None,
) -> None:
    """Run sweeps with one worker and with two in turn, each training on one core."""
    costs: list[SweepCost] = []
    with scratch_folder() as scratch:
        corpus, artifacts = scratch / "corpus.csv", scratch / "artifacts"
        write_corpus(corpus, reviews)
        (scratch / "space.toml").write_text(_SPACE)
        # It leaves the prepared reviews in the cache, for all that follow.
        measure_sweep("1", runner, 1, 0, corpus, artifacts)
        for turn in range(rounds):
            for workers in turn_order(WORKERS, turn):
                seed = 1 + 2 * turn + WORKERS.index(workers)
                costs.append(measure_sweep(workers, runner, trials, seed, corpus, artifacts))
    show(costs, runner, Console())
    if json is not None:
        write_result(json, {"runner": runner, "costs": [vars(cost) for cost in costs]})


if __name__ == "__main__":
    cyclopts.run(main)
