"""Train: fit the network, keep the weights of the epoch with the lowest validation loss."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from tasks.architectures import ARCHITECTURES
from tasks.atomic_files import write_text
from tasks.canonical_json import readable_json
from tasks.data_parallel import strategy_for
from tasks.epoch_batches import endless_batches, steps_per_epoch
from tasks.model_hash import model_hash, weights_hash
from tasks.review_arrays import ReviewArrays, read_arrays
from tasks.select_accelerator import CPU, Device
from tasks.training_config import NetworkConfig
from tasks.training_progress import tell_progress
from tasks.training_state import TrainingState, restore_state
from tasks.training_step import step_code, trained_form

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import numpy as np
    import tensorflow as tf

    from tasks.artifact_store import Fact
    from tasks.training_config import FitConfig

_LOG = logging.getLogger(__name__)
_BATCHES_AHEAD = 2
_REVIEWS_AT_ONCE = 4096


def train_model(
    initial_model: Path,
    train: Path,
    validation: Path,
    fit: FitConfig,
    folder: Path,
    state: Path | None = None,
    save_every_steps: int | None = None,
    device: Device = CPU,
    sizes: NetworkConfig = NetworkConfig(),
) -> dict[str, Fact]:
    """Write `best_model.keras` and `history.json`.

    The order of the reviews and the dropout masks of an epoch depend on the seed and the
    epoch alone. The history has one list per figure, with one number per epoch; the
    learning rate is the one that the epoch was trained with. With `state`, the training is
    saved there as it goes on, and an interrupted one ends with the same weights bit for bit.

    Args:
        initial_model: Network with its first weights, not compiled.
        train: Padded training reviews (Parquet).
        validation: Padded reviews whose loss chooses the epoch (Parquet).
        fit: Epochs, batch size, rates, patience, seed.
        folder: Where to write.
        state: Where to save the training, and to look for an interrupted one.
        save_every_steps: Save after so many steps too; by default after whole epochs only.
        device: On what; several devices share each batch.
        sizes: Has the architecture, which says what is counted before the first step.

    Returns:
        Facts: the code of the training step, epochs run, best epoch (from 1 on) and its
        validation loss, hashes of the best model and of the last epoch's weights.

    Raises:
        DivergedError: A loss was not a number.
    """
    import keras

    keras.utils.set_random_seed(fit.seed)
    if fit.deterministic:
        _use_deterministic_operations()
    with strategy_for(device).scope():
        network = keras.models.load_model(initial_model, compile=False)
        code = step_code(fit.training_step, network, device)
        model = trained_form(network, code, fit.learning_rate)
        best_model = folder / "best_model.keras"
        done = restore_state(state, model, best_model) if state else TrainingState()
        if done != TrainingState():
            _LOG.info("going on after %s of an interrupted training", _place(done))
        if not _is_over(done, fit):
            sets = read_arrays(train), read_arrays(validation)
            if done == TrainingState():
                _prepare(network, sets[0], sizes)
            done = _fit(model, *sets, fit, done, best_model, state, save_every_steps)
    tell_progress(done, fit.epochs, step=0, steps=0, finished=True)
    write_text(folder / "history.json", readable_json(done.history))
    losses = done.history["val_loss"]
    return {
        "training_step": code,
        "epochs_run": len(losses),
        "best_epoch": losses.index(min(losses)) + 1,
        "best_val_loss": min(losses),
        "best_model_hash": model_hash(keras.models.load_model(best_model, compile=False)),
        "last_weights_hash": weights_hash(network),
    }


def _prepare(network: keras.Model, reviews: ReviewArrays, sizes: NetworkConfig) -> None:
    prepare = ARCHITECTURES[sizes.architecture].prepare
    if prepare is None:
        return
    starts = range(0, len(reviews), _REVIEWS_AT_ONCE)
    parts = (slice(start, start + _REVIEWS_AT_ONCE) for start in starts)
    prepare(network, ((reviews.tokens[part], reviews.labels[part]) for part in parts), sizes)


def _place(state: TrainingState) -> str:
    step = f", step {state.steps_done}" if state.begun else ""
    return f"epoch {state.epochs_done}{step}"


def _is_over(state: TrainingState, fit: FitConfig) -> bool:
    return state.finished or state.epochs_done >= fit.epochs


def _fit(
    model: keras.Model,
    reviews: ReviewArrays,
    judged: ReviewArrays,
    fit: FitConfig,
    begins: TrainingState,
    best_model: Path,
    state: Path | None,
    save_every_steps: int | None,
) -> TrainingState:
    """Train from a state to the end; an epoch that was begun is finished on its own first."""
    from tasks.training_callbacks import (
        EpochLines,
        EpochSeeds,
        KeepState,
        TellProgress,
        tutorial_callbacks,
    )

    _LOG.info("training on %d reviews, validating on %d", len(reviews), len(judged))
    judges = tutorial_callbacks(fit, best_model)
    steps = steps_per_epoch(len(reviews), fit.batch_size)
    now = begins
    while not _is_over(now, fit):
        keeper = KeepState(now, judges, best_model, state, save_every_steps)
        model.fit(
            _dataset(reviews, fit, now),
            steps_per_epoch=steps - now.steps_done,
            epochs=now.epochs_done + 1 if now.begun else fit.epochs,
            initial_epoch=now.epochs_done,
            validation_data=(judged.tokens, judged.labels),
            validation_batch_size=fit.evaluation_batch_size,
            class_weight=class_weights(reviews.labels, fit),
            callbacks=[
                EpochSeeds(fit.seed),
                *judges,
                keeper,
                EpochLines(fit.epochs),
                TellProgress(keeper, fit.epochs, steps),
            ],
            shuffle=False,
            verbose="auto" if sys.stdout.isatty() else 0,
        )
        now = keeper.state
    return now


def class_weights(labels: np.ndarray, fit: FitConfig) -> dict[int, float] | None:
    """Return how much a review of each label counts, None where all count the same.

    Balanced weights give both labels the same sum, and a review 1 on average.

    Args:
        labels: 0 or 1 of the training reviews, both present, shape (n, 1).
        fit: Whether weights are balanced.
    """
    if fit.class_weights == "equal":
        return None
    ones = int(labels.sum())
    return {0: len(labels) / (2 * (len(labels) - ones)), 1: len(labels) / (2 * ones)}


def _dataset(reviews: ReviewArrays, fit: FitConfig, begins: TrainingState) -> tf.data.Dataset:
    import tensorflow as tf

    options = tf.data.Options()
    # The thread that tunes often misses that it has to end, and is then waited for: up to a minute.
    options.autotune.enabled = False
    batches = tf.data.Dataset.from_generator(
        lambda: endless_batches(
            reviews.tokens,
            reviews.labels,
            batch_size=fit.batch_size,
            seed=fit.seed,
            first_epoch=begins.epochs_done,
            first_step=begins.steps_done,
        ),
        output_signature=(
            tf.TensorSpec((None, reviews.tokens.shape[1]), tf.int32),
            tf.TensorSpec((None, 1), tf.float32),
        ),
    )
    return batches.prefetch(_BATCHES_AHEAD).with_options(options)


def _use_deterministic_operations() -> None:
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
