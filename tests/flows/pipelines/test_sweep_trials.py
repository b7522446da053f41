"""Which trial of a sweep comes next, and when no more is begun."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.pipelines.in_process import TrialRequest
from flows.pipelines.sweep_trials import SweepTrials, TrialsFailedError
from tasks.config.experiments import SweepConfig
from tasks.config.search_space import Choices, Range, SearchSpace
from tasks.config.training import ConvBilstmConfig, SourceConfig, TrainingConfig
from tasks.experiments.study import create_study, ended_trials, next_trial, storage_url
from tasks.experiments.trial import TrialResult

CONFIG = TrainingConfig()

SPACE = SearchSpace(fields={"network.filters": Range(low=8, high=64)})

GOOD = TrialResult(outcome="complete", epochs=1, best_epoch=1, value=0.5, weights="w")

FAILED = RuntimeError("it ended with status 9\nand more")


def sweep_in(folder: Path, **changes: Any) -> SweepConfig:
    sweep = SweepConfig(**({"trials": 5} | changes))
    return sweep.model_copy(update={"storage": storage_url(sweep, folder)})


def trials_in(
    folder: Path, space: SearchSpace = SPACE, config: TrainingConfig = CONFIG, **changes: Any
) -> SweepTrials:
    sweep = sweep_in(folder, **changes)
    base = TrialRequest(number=0, config=config, sweep=sweep, accelerator="cpu", artifacts=folder)
    return SweepTrials(create_study(sweep, config, space), space, base)


def asked(trials: SweepTrials) -> TrialRequest:
    request = trials.ask()
    assert request is not None
    return request


def test_no_more_trials_are_begun_than_asked_for(tmp_path: Path) -> None:
    trials = trials_in(tmp_path)
    for number in range(5):
        request = asked(trials)
        assert request.number == number
        assert isinstance(request.config.network, ConvBilstmConfig)
        assert 8 <= request.config.network.filters <= 64
        trials.tell(request, GOOD)
    assert trials.ask() is None
    assert trials.best().number == 0


def test_a_trial_finds_its_files_in_whatever_folder_its_worker_was_started(tmp_path: Path) -> None:
    source = SourceConfig(source="files", train_file=Path("reviews.csv"))
    given = CONFIG.model_copy(update={"source": source})
    trials = trials_in(tmp_path, config=given)
    assert asked(trials).config.source.train_file == Path.cwd() / "reviews.csv"
    again = trials_in(tmp_path, config=given)  # the study keeps the path that was given
    assert asked(again).config.source.train_file == Path.cwd() / "reviews.csv"


def test_no_trial_begins_after_the_minutes_of_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first = trials_in(tmp_path, minutes=2)
    request = asked(first)
    now += 90
    first.tell(request, GOOD)
    second = trials_in(tmp_path, minutes=2)
    request = asked(second)
    now += 29
    second.tell(request, GOOD)
    request = asked(second)
    now += 1
    assert second.ask() is None
    second.tell(request, GOOD)
    assert trials_in(tmp_path, minutes=2).ask() is None
    assert trials_in(tmp_path, minutes=3).ask() is not None


def test_what_was_going_on_comes_first_and_in_any_case(tmp_path: Path) -> None:
    killed = trials_in(tmp_path, trials=2)
    begun = [asked(killed), asked(killed)]
    again = trials_in(tmp_path, trials=2, minutes=0.001)
    assert [asked(again), asked(again)] == [
        request.model_copy(update={"sweep": begun[0].sweep.model_copy(update={"minutes": 0.001})})
        for request in begun
    ]
    assert again.ask() is None


def test_values_that_are_impossible_together_fail_without_a_training(tmp_path: Path) -> None:
    space = SearchSpace(
        fields={
            "text.maxlen": Choices(choices=(6, 200)),
            "network.kernel_size": Choices(choices=(5, 7)),
        }
    )
    trials = trials_in(tmp_path, space, trials=20, sampler="random")
    while (request := trials.ask()) is not None:
        trials.tell(request, GOOD)
    sweep = sweep_in(tmp_path, trials=20, sampler="random")
    ended = ended_trials(create_study(sweep, CONFIG, space))
    assert len(ended) == 20
    failed = [one for one in ended if one.result.outcome == "failed"]
    assert {one.values["text.maxlen"] for one in failed} == {6}
    assert all("maxlen=6: must be at least" in str(one.result.reason) for one in failed)


def test_three_failures_in_a_row_end_the_sweep(tmp_path: Path) -> None:
    trials = trials_in(tmp_path, trials=9)
    trials.tell(asked(trials), GOOD)
    for _ in range(2):
        trials.tell(asked(trials), FAILED)
    trials.tell(asked(trials), GOOD)  # they are no longer in a row
    for _ in range(3):
        trials.tell(asked(trials), FAILED)
    assert trials.ask() is None
    with pytest.raises(TrialsFailedError, match=r"the last 3 trials failed.*with status 9$"):
        trials.best()


def test_a_sweep_without_a_complete_trial_has_no_winner(tmp_path: Path) -> None:
    trials = trials_in(tmp_path, trials=1)
    trials.tell(asked(trials), TrialResult(outcome="failed", reason="it diverged"))
    with pytest.raises(TrialsFailedError, match="none of 1 trials is complete, the last one since"):
        trials.best()


def test_a_value_of_nothing_is_a_value(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trials = trials_in(tmp_path, trials=1)
    with caplog.at_level("INFO", "flows"):
        trials.tell(asked(trials), GOOD.model_copy(update={"value": 0.0}))
    assert "trial 0: complete val_loss 0.0000" in caplog.messages


@dataclass
class FakeFuture:
    """That of a trial which has ended."""

    task_run_id: int

    def add_done_callback(self, callback: Any) -> None:
        callback(self)

    def result(self, *, raise_on_failure: bool) -> TrialResult:
        assert not raise_on_failure
        return GOOD.model_copy(update={"epochs": self.task_run_id})


def test_as_many_trials_go_on_at_once_as_there_are_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = trials_in(tmp_path, trials=7)
    going, most, told = 0, 0, []
    note = trials.tell

    def start(request: TrialRequest) -> Any:
        nonlocal going, most
        going += 1
        most = max(most, going)
        return FakeFuture(request.number)

    def tell(request: TrialRequest, result: TrialResult | Exception) -> None:
        nonlocal going
        going -= 1
        assert isinstance(result, TrialResult)
        assert result.epochs == request.number
        told.append(request.number)
        note(request, result)

    monkeypatch.setattr(trials, "tell", tell)
    assert trials.run(start, at_once=3).number == 0
    assert sorted(told) == list(range(7))
    assert most == 3


def test_a_study_may_be_made_longer(tmp_path: Path) -> None:
    trials = trials_in(tmp_path, trials=1)
    trials.tell(asked(trials), GOOD)
    assert trials.ask() is None
    longer = trials_in(tmp_path, trials=2)
    assert asked(longer).number == 1
    sweep = sweep_in(tmp_path, trials=2)
    assert next_trial(create_study(sweep, CONFIG, SPACE), SPACE, sweep) is None
