from pathlib import Path

import optuna
import pytest

from tasks.experiments.study import trial_in_progress


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
