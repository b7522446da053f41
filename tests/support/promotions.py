"""What tests of promotions share: challengers with given answers, and a quick stopwatch."""

from pathlib import Path
from typing import Any

from tasks.config.promotion import PromotionConfig
from tasks.config.training import TrainingConfig
from tasks.evaluation.slices import read_predictions
from tasks.registry.events import PromotionEvent
from tasks.registry.gates import Gate, Latency
from tasks.registry.promote import promote
from tasks.runs.find import Run
from tasks.runs.read import PREDICTIONS
from tests.support.made_runs import make_run

REVIEWS = 40

CONFIG = PromotionConfig(floor=0.1, largest_calibration_error=1, fewest_reviews=1)
"""Gates that made runs pass, which are always sure, often wrong, and judged by few reviews."""


def quick(_run: Run, _config: TrainingConfig) -> tuple[Latency, Gate]:
    """Stand for the asking of a model, which the made runs do not have."""
    latency = Latency(ms_per_review=1.5, batch_size=256, device="cpu")
    return latency, Gate(name="predictions", passed=True, sentence="not asked")


def run_id(number: int) -> str:
    """Return the id of the run with a number; a higher one is later."""
    return f"202601{number // 24 + 1:02}T{number % 24:02}0000Z-{number:08x}"


def make_challenger(artifacts: Path, number: int, right: int = 32, **changes: Any) -> Run:
    """Write a run that judges the first `right` of 40 reviews correctly, its baseline 4."""
    answers = [row < right for row in range(REVIEWS)]
    baseline = [row < 4 for row in range(REVIEWS)]
    return make_run(artifacts, run_id(number), right=answers, baseline_right=baseline, **changes)


def decide(
    artifacts: Path, run: Run, config: PromotionConfig = CONFIG, **named: Any
) -> PromotionEvent:
    """Ask for the promotion of `run`."""
    named = {"who": "me@here", "reason": "a test"} | named
    return promote(artifacts, run, config, quick, **named)


def failed(event: PromotionEvent) -> list[str]:
    """Return the names of the gates that an event says were not passed."""
    return [gate.name for gate in event.gates if not gate.passed]


def sentence(event: PromotionEvent, name: str) -> str:
    """Return what the event says of one gate."""
    return next(gate.sentence for gate in event.gates if gate.name == name)


def repeat(artifacts: Path, run: Run, number: int) -> Run:
    """Write a run that has the same model and answers as `run`, as one that is all cached has."""
    right = [bool(answer) for answer in read_predictions(run.folder / PREDICTIONS).correct]
    baseline = [row < 4 for row in range(REVIEWS)]
    weights = run.manifest.weights
    return make_run(
        artifacts, run_id(number), right=right, baseline_right=baseline, weights=weights
    )
