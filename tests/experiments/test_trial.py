"""A trial reports its epochs, and is pruned where it is worse than others."""

import shutil
from pathlib import Path

import pytest

from tasks.common.errors import PrunedTrialError
from tasks.config.experiments import Objective, SweepConfig
from tasks.config.search_space import Range, SearchSpace
from tasks.config.training import TrainingConfig
from tasks.experiments.study import create_study, ended_trials, next_trial, open_trial, tell_result
from tasks.experiments.trial import TrialReporter, TrialResult
from tasks.training.plan import best_epoch
from tasks.training.progress import TrainingProgress

SPACE = SearchSpace(fields={"network.filters": Range(low=8, high=64)})


def progress(epoch: int, value: float, *, step: int = 0, most: int = 3) -> TrainingProgress:
    figures = {"val_loss": value, "val_accuracy": 1 - value} if epoch else {}
    return TrainingProgress(epoch, most, step, 10, figures)


@pytest.fixture(scope="module", params=["val_loss", "val_accuracy"])
def judged(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> SweepConfig:
    """A sweep with three complete trials, whose losses were 0.5, 0.4 and 0.3."""
    objective: Objective = request.param
    sweep = stored(SweepConfig(objective=objective, pruning_after=2), tmp_path_factory.mktemp("s"))
    study = create_study(sweep, TrainingConfig(), SPACE)
    for loss in (0.5, 0.4, 0.3):
        asked = next_trial(study, SPACE, sweep)
        assert asked is not None
        value = loss if objective == "val_loss" else 1 - loss
        TrialReporter(open_trial(sweep, asked.number), objective).report_all(
            {objective: [value] * 3}
        )
        tell_result(study, asked.number, TrialResult(outcome="complete", value=value), 1.0)
    assert len(ended_trials(study)) == 3
    return sweep


def stored(sweep: SweepConfig, folder: Path) -> SweepConfig:
    return sweep.model_copy(update={"storage": f"sqlite:///{folder / 'study.db'}"})


@pytest.fixture
def sweep(judged: SweepConfig, tmp_path: Path) -> SweepConfig:
    """A copy of it."""
    shutil.copy(str(judged.storage).removeprefix("sqlite:///"), tmp_path)
    return stored(judged, tmp_path)


def begun(sweep: SweepConfig) -> TrialReporter:
    asked = next_trial(create_study(sweep, TrainingConfig(), SPACE), SPACE, sweep)
    assert asked is not None
    return TrialReporter(open_trial(sweep, asked.number), sweep.objective)


def test_a_trial_worse_than_the_median_is_pruned(sweep: SweepConfig) -> None:
    reporter = begun(sweep)
    reporter(progress(0, 0.0))
    reporter(progress(0, 0.0, step=4))
    with pytest.raises(PrunedTrialError, match="after epoch 1 is worse than"):
        reporter(progress(1, 0.45))
    assert reporter.epochs == 1


def test_a_better_one_continues_and_each_epoch_is_reported_once(sweep: SweepConfig) -> None:
    reporter = begun(sweep)
    for epoch, step in ((1, 0), (1, 3), (1, 9), (2, 0)):
        reporter(progress(epoch, 0.35, step=step))
    study = create_study(sweep, TrainingConfig(), SPACE)
    reported = study.trials[-1].intermediate_values
    value = 0.35 if sweep.objective == "val_loss" else 0.65
    assert reported == {1: value, 2: value}


@pytest.mark.parametrize("reported", [1, 2])
@pytest.mark.filterwarnings("error::UserWarning")
def test_one_that_resumes_after_a_kill_reports_the_epoch_that_was_saved(
    sweep: SweepConfig, reported: int
) -> None:
    first = begun(sweep)
    for epoch in range(1, reported + 1):
        first(progress(epoch, 0.35))
    number = create_study(sweep, TrainingConfig(), SPACE).trials[-1].number
    again = TrialReporter(open_trial(sweep, number), sweep.objective)
    again(progress(2, 0.35))
    found = create_study(sweep, TrainingConfig(), SPACE).trials[-1].intermediate_values
    assert list(found) == [1, 2]
    assert again.epochs == 2


def test_a_training_that_is_over_is_not_pruned(sweep: SweepConfig) -> None:
    reporter = begun(sweep)
    reporter(progress(3, 0.9))
    assert reporter.epochs == 3


def test_without_pruning_nothing_is_pruned(sweep: SweepConfig) -> None:
    patient = sweep.model_copy(update={"pruning": False, "study": "patient"})
    reporter = begun(patient)
    reporter(progress(1, 0.99))
    assert reporter.epochs == 1


def test_the_best_epoch_is_that_whose_model_is_kept() -> None:
    assert best_epoch({"val_loss": [0.5, 0.3, 0.4], "val_accuracy": [0.7, 0.8, 0.9]}) == 2
