"""The study of a sweep: what is tried next, also after a kill, and where it is kept."""

import sys
from pathlib import Path
from typing import Any

import optuna
import pytest

from tasks.common.errors import InvalidConfigError, MissingExtraError, StorageError
from tasks.config.experiments import SweepConfig
from tasks.config.search_space import Choices, Range, SearchSpace
from tasks.config.training import FitConfig, TrainingConfig
from tasks.experiments.study import (
    AskedTrial,
    Winner,
    add_winner,
    basis_of,
    begun_trials,
    create_study,
    ended_trials,
    next_trial,
    open_trial,
    plain_faults,
    spent_seconds,
    storage_url,
    tell_result,
    trial_in_progress,
    winners,
)
from tasks.experiments.sweep_report import best_trial
from tasks.experiments.trial import TrialResult
from tests.support.made_runs import make_run
from tests.support.servers.postgres import needs_postgres, postgres_process

CONFIG = TrainingConfig()

SPACE = SearchSpace(
    fields={
        "fit.learning_rate": Range(low=0.001, high=1.0, log=True),
        "network.filters": Range(low=8, high=64),
        "text.truncating": Choices(choices=("pre", "post")),
    }
)


def sweep_in(folder: Path, **changes: Any) -> SweepConfig:
    sweep = SweepConfig(trials=12, pruning_after=3, **changes)
    return sweep.model_copy(update={"storage": storage_url(sweep, folder)})


def judge(asked: AskedTrial) -> TrialResult:
    """Return what a made-up training would come to: best near rate 0.1 and many filters."""
    rate, filters = asked.values["fit.learning_rate"], asked.values["network.filters"]
    assert isinstance(rate, float)
    assert isinstance(filters, int)
    value = abs(rate - 0.1) + 1 / filters
    return TrialResult(outcome="complete", epochs=1, best_epoch=1, value=value, weights="w")


def search(sweep: SweepConfig, most: int = 1000) -> list[AskedTrial]:
    """Run trials of a study as one process does, at most so many; the last one is not told."""
    study = create_study(sweep, CONFIG, SPACE)
    asked = begun_trials(study, SPACE)
    found: list[AskedTrial] = []
    for _ in range(most):
        trial = asked.pop(0) if asked else next_trial(study, SPACE, sweep)
        if trial is None:
            return found
        found.append(trial)
        if len(found) < most:
            tell_result(study, trial.number, judge(trial), spent=float(len(found)))
    return found


def values(sweep: SweepConfig) -> list[tuple[dict[str, Any], float | None]]:
    study = create_study(sweep, CONFIG, SPACE)
    return [(one.values, one.result.value) for one in ended_trials(study)]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_that_is_cut_resumes_as_if_it_had_not_been(tmp_path: Path, sampler: str) -> None:
    whole, cut = (sweep_in(tmp_path, study=name, sampler=sampler) for name in ("whole", "cut"))
    search(whole)
    assert len(search(cut, 5)) == 5
    again = search(cut, 8)
    assert again[0].number == 4  # the one in progress
    search(cut)
    assert values(cut) == values(whole)
    assert len(values(whole)) == 12
    study = create_study(cut, CONFIG, SPACE)
    best = best_trial(ended_trials(study), "val_loss")
    assert best is not None
    assert best.number == study.best_trial.number


def test_a_trial_killed_before_its_values_were_drawn_leaves_its_place(tmp_path: Path) -> None:
    whole, cut = (sweep_in(tmp_path, study=name) for name in ("whole", "cut"))
    search(whole)
    search(cut, 3)
    study = create_study(cut, CONFIG, SPACE)
    tell_result(study, 2, judge(begun_trials(study, SPACE)[0]), spent=1.0)
    # As killed between two values.
    study.ask({"fit.learning_rate": optuna.distributions.FloatDistribution(0.001, 1.0, log=True)})
    search(cut)
    assert values(cut) == values(whole)


def test_another_seed_draws_other_values(tmp_path: Path) -> None:
    first = search(sweep_in(tmp_path, study="a"), 2)
    second = search(sweep_in(tmp_path, study="b", sampler_seed=1), 2)
    assert first[0].values != second[0].values


def test_trials_that_fail_and_are_pruned_count_and_are_kept(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path).model_copy(update={"trials": 3})
    study = create_study(sweep, CONFIG, SPACE)
    for outcome in ("failed", "pruned", "complete"):
        asked = next_trial(study, SPACE, sweep)
        assert asked is not None
        result = TrialResult(outcome="failed", reason="diverged")
        if outcome == "pruned":
            open_trial(sweep, asked.number).report(0.5, 1)
            result = TrialResult(outcome="pruned", epochs=1)
        tell_result(study, asked.number, judge(asked) if outcome == "complete" else result, 2.5)
    assert next_trial(study, SPACE, sweep) is None
    assert [one.result.outcome for one in ended_trials(study)] == ["failed", "pruned", "complete"]
    assert spent_seconds(study) == 2.5


def test_a_study_with_another_basis_is_refused(tmp_path: Path) -> None:
    sweep = sweep_in(tmp_path)
    assert basis_of(create_study(sweep, CONFIG, SPACE)).config == CONFIG
    create_study(sweep.model_copy(update={"trials": 99}), CONFIG, SPACE)  # a budget may grow
    other = TrainingConfig(fit=FitConfig(epochs=3))
    with pytest.raises(InvalidConfigError, match=r"config\.fit\.epochs was 20, is 3"):
        create_study(sweep, other, SPACE)
    fewer = SearchSpace(fields={"network.filters": Range(low=8, high=32)})
    with pytest.raises(InvalidConfigError, match="high was 64, is 32"):
        create_study(sweep, CONFIG, fewer)


def test_each_use_of_the_test_reviews_is_noted(tmp_path: Path) -> None:
    study = create_study(sweep_in(tmp_path), CONFIG, SPACE)
    score = make_run(tmp_path).manifest.score
    noted = [
        Winner(trial=trial, run_id=f"run{trial}", score=score, same_weights=True)
        for trial in (1, 7)
    ]
    for winner in noted:
        add_winner(study, winner)
    assert winners(study) == noted


def test_a_database_that_cannot_be_used_is_reported(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match=r"study\.db.*: cannot be used"):
        create_study(sweep_in(tmp_path), CONFIG, SPACE)
    with pytest.raises(StorageError, match="cannot be used"):
        create_study(sweep_in(tmp_path / "missing"), CONFIG, SPACE)
    nowhere = SweepConfig(storage="postgresql://u@127.0.0.1:9/db")
    with pytest.raises(StorageError, match="start or fix the database"):
        create_study(nowhere, CONFIG, SPACE)


def test_a_missing_optuna_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"sweep is not installed; get it with.*\[sweep\]"):
        create_study(sweep_in(tmp_path), CONFIG, SPACE)
    with pytest.raises(MissingExtraError), plain_faults(sweep_in(tmp_path)):
        pass


@needs_postgres
def test_a_study_in_postgresql_is_searched_as_one_in_a_file(tmp_path: Path) -> None:
    in_file = sweep_in(tmp_path)
    search(in_file)
    with postgres_process() as database:
        url = database.address
        address = url.replace("+asyncpg", "")
        in_server = in_file.model_copy(update={"storage": address})
        search(in_server, 5)
        search(in_server)
        assert values(in_server) == values(in_file)
        study = create_study(in_server, CONFIG, SPACE)
    with pytest.raises(StorageError, match="start or fix the database"), plain_faults(in_server):
        next_trial(study, SPACE, in_server)


def test_this_optuna_still_has_what_is_not_public(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    here = optuna.create_study(storage=storage, study_name="kept")
    number = here.ask().number
    there = optuna.load_study(storage=storage, study_name="kept")
    try:
        trial_in_progress(there, number).report(0.5, step=1)
    except (AttributeError, TypeError) as error:
        pytest.fail(
            f"Optuna {optuna.__version__} changed what is not public ({error}): adapt"
            " tasks/experiments/study.py, or keep Optuna below this version"
        )
    assert here.trials[number].intermediate_values == {1: 0.5}
