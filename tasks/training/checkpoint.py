"""The state of a training: enough to resume as if it had not been interrupted.

A generation is a folder `epoch-<n>/`, or `epoch-<n>-step-<k>/` inside the next epoch, with the
arrays of model and optimizer, the best model so far, and `state.json`, which is written last
and holds the hashes of the others. The two newest generations are kept, so that a damaged one
leaves another to resume from.
"""

import logging
import shutil
from pathlib import Path

import keras
import numpy as np

from tasks.common.atomic_files import TEMPORARY_PREFIX, scratch_folder, sync_file, sync_folder
from tasks.common.hashed_files import HashedFile, hashed_files
from tasks.common.records import Record, read_record, write_record
from tasks.model.keras_contracts import seed_states
from tasks.training.plan import BegunEpoch, TrainingState

_LOG = logging.getLogger(__name__)

_GENERATIONS = 2
_STATE, _ARRAYS, _BEST = "state.json", "variables.npz", "best_model.keras"


class _Generation(Record):
    place: str
    state: TrainingState
    files: dict[str, HashedFile]


def begun_epoch(model: keras.Model, steps_done: int) -> BegunEpoch:
    """Return where the model is inside an epoch."""
    return BegunEpoch(
        steps_done=steps_done,
        metrics=[float(variable.numpy()) for variable in model.metrics_variables],
        seeds=[variable.numpy().tolist() for variable in seed_states(model)],
    )


def resume_epoch(model: keras.Model, begun: BegunEpoch) -> None:
    """Put the model where it was inside an epoch; the arrays are restored already."""
    for variable, value in zip(model.metrics_variables, begun.metrics, strict=True):
        variable.assign(value)
    for variable, seeds in zip(seed_states(model), begun.seeds, strict=True):
        variable.assign(seeds)


def save_state(folder: Path, model: keras.Model, best_model: Path, state: TrainingState) -> None:
    """Write a generation, whole or not at all, and remove the ones before the last two."""
    with scratch_folder(folder) as temporary:
        np.savez(temporary / _ARRAYS, *[variable.numpy() for variable in _variables(model)])
        if best_model.exists():
            shutil.copyfile(best_model, temporary / _BEST)
        files = hashed_files(temporary)
        for name in files:
            sync_file(temporary / name)
        step = f"-step-{state.steps_done:07d}" if state.begun else ""
        target = folder / f"epoch-{state.epochs_done:05d}{step}"
        generation = _Generation(place=_place(target), state=state, files=files)
        write_record(temporary / _STATE, generation)
        shutil.rmtree(target, ignore_errors=True)
        temporary.replace(target)
        sync_folder(folder)
    for old in _generations(folder)[_GENERATIONS:]:
        shutil.rmtree(old, ignore_errors=True)


def restore_state(folder: Path, model: keras.Model, best_model: Path) -> TrainingState:
    """Restore the newest whole generation and return the rest of its state, else a fresh one."""
    if not folder.exists() and any(folder.parent.glob("*/epoch-*")):
        _LOG.info("an interrupted training has another config; this one starts afresh")
    for leftover in folder.glob(f"{TEMPORARY_PREFIX}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for path in _generations(folder):
        generation = _whole_generation(path)
        if generation is None:
            _LOG.warning("the training state %s is damaged and not used", path.name)
            continue
        with np.load(path / _ARRAYS, allow_pickle=False) as arrays:
            for variable, name in zip(_variables(model), arrays.files, strict=True):
                variable.assign(arrays[name])
        if _BEST in generation.files:
            shutil.copyfile(path / _BEST, best_model)
        return generation.state
    return TrainingState()


def _whole_generation(folder: Path) -> _Generation | None:
    found = read_record(_Generation, folder / _STATE)
    if found is None or found.place != _place(folder) or _ARRAYS not in found.files:
        return None
    faults = [file.fault(folder / name, name) for name, file in found.files.items()]
    return None if any(faults) else found


def _place(generation: Path) -> str:
    """Return the name of a generation with that of its training, which is made of its key."""
    return f"{generation.parent.name}/{generation.name}"


def _generations(folder: Path) -> list[Path]:
    """Return the generations, the newest first."""
    return sorted(folder.glob("epoch-*"), reverse=True)


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]
