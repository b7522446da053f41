"""Optuna (https://optuna.readthedocs.io): an optional library, of which one part is not public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.common.errors import import_extra

if TYPE_CHECKING:
    import optuna


def optuna_library() -> Any:  # noqa: ANN401 - a module
    """Return Optuna."""
    return import_extra("optuna", "sweep")


def trial_in_progress(study: optuna.Study, number: int) -> optuna.Trial:
    """Return a trial that another process may have requested; Optuna has no public way to it."""
    storage = study._storage  # noqa: SLF001
    study_id = storage.get_study_id_from_name(study.study_name)
    trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, number)
    trial: optuna.Trial = optuna_library().trial.Trial(study, trial_id)
    return trial
