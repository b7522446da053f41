"""The state of a training after an epoch: enough to go on as if it had not been interrupted.

A generation is a folder `epoch-<n>/` with the arrays of model and optimizer, the best model
so far, and `state.json`, which is written last and holds the hashes of the others. The two
newest generations are kept, so that a damaged one leaves another to go on from.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.atomic_files import file_sha256, sync_file, sync_folder, temporary_path, write_text
from tasks.canonical_json import readable_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

_LOG = logging.getLogger(__name__)

_GENERATIONS = 2
_STATE, _ARRAYS, _BEST = "state.json", "variables.npz", "best_model.keras"

CallbackState = dict[str, float | int | None]
_CALLBACK_FIELDS = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")


class TrainingState(BaseModel):
    """What is not an array: epochs done, history so far, callbacks, whether training is over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs_done: int
    finished: bool
    history: dict[str, list[float]]
    callbacks: dict[str, CallbackState]
    files: dict[str, str]


def callback_states(callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, CallbackState]:
    """Return the counters and best values of the callbacks, by the name of their class."""
    return {
        type(callback).__name__: {
            name: _plain(getattr(callback, name))
            for name in _CALLBACK_FIELDS
            if hasattr(callback, name)
        }
        for callback in callbacks
    }


def restore_callbacks(
    callbacks: Sequence[keras.callbacks.Callback], states: dict[str, CallbackState]
) -> None:
    """Set the counters and best values of fresh callbacks to those of an earlier process."""
    for callback in callbacks:
        for name, value in states[type(callback).__name__].items():
            setattr(callback, name, value)


def _plain(value: float | None) -> float | None:
    return None if value is None else value if isinstance(value, int) else float(value)


def save_state(
    folder: Path,
    model: keras.Model,
    best_model: Path,
    *,
    epochs_done: int,
    history: dict[str, list[float]],
    callbacks: dict[str, CallbackState],
) -> None:
    """Write a generation, whole or not at all, and remove the ones before the last two."""
    import numpy as np

    temporary = temporary_path(folder)
    temporary.mkdir(parents=True)
    try:
        arrays = [variable.numpy() for variable in _variables(model)]
        np.savez(temporary / _ARRAYS, *arrays)
        shutil.copyfile(best_model, temporary / _BEST)
        for name in (_ARRAYS, _BEST):
            sync_file(temporary / name)
        state = TrainingState(
            epochs_done=epochs_done,
            finished=bool(model.stop_training),
            history=history,
            callbacks=callbacks,
            files={name: file_sha256(temporary / name) for name in (_ARRAYS, _BEST)},
        )
        write_text(temporary / _STATE, readable_json(state.model_dump()))
        target = folder / f"epoch-{epochs_done:05d}"
        shutil.rmtree(target, ignore_errors=True)
        temporary.replace(target)
        sync_folder(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in _generations(folder)[_GENERATIONS:]:
        shutil.rmtree(old, ignore_errors=True)


def restore_state(folder: Path, model: keras.Model, best_model: Path) -> TrainingState | None:
    """Restore the newest whole generation into `model` and `best_model`.

    Returns:
        The rest of the state, None where there is no whole generation.
    """
    import numpy as np

    if not folder.exists() and any(folder.parent.glob("*/epoch-*")):
        _LOG.info("an interrupted training has another config; this one starts afresh")
    for leftover in folder.glob(".writing-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for generation in _generations(folder):
        state = _whole_state(generation)
        if state is None:
            _LOG.warning("the training state %s is damaged and not used", generation.name)
            continue
        with np.load(generation / _ARRAYS, allow_pickle=False) as arrays:
            for variable, name in zip(_variables(model), arrays.files, strict=True):
                variable.assign(arrays[name])
        shutil.copyfile(generation / _BEST, best_model)
        return state
    return None


def forget_state(folder: Path) -> None:
    """Remove the state of a training whose run is complete."""
    shutil.rmtree(folder, ignore_errors=True)


def _whole_state(generation: Path) -> TrainingState | None:
    try:
        state = TrainingState.model_validate_json((generation / _STATE).read_bytes())
        whole = all(file_sha256(generation / name) == hash_ for name, hash_ in state.files.items())
    except (OSError, ValidationError):
        return None
    return state if whole else None


def _generations(folder: Path) -> list[Path]:
    """Return the generations, the newest first."""
    return sorted(folder.glob("epoch-*"), reverse=True)


def _variables(model: keras.Model) -> list[keras.Variable]:
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]
