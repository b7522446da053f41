"""Train: fit the network, keep the weights of the epoch with the lowest validation loss."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from tasks.atomic_files import write_text
from tasks.canonical_json import readable_json
from tasks.epoch_batches import endless_batches, steps_per_epoch
from tasks.errors import DivergedError
from tasks.model_hash import model_hash, weights_hash
from tasks.review_arrays import ReviewArrays, read_arrays
from tasks.training_state import TrainingState, restore_state

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import tensorflow as tf

    from tasks.artifact_store import Fact
    from tasks.training_config import FitConfig

_LOG = logging.getLogger(__name__)
_BATCHES_AHEAD = 2


def train_model(
    initial_model: Path,
    train: Path,
    validation: Path,
    fit: FitConfig,
    folder: Path,
    state: Path | None = None,
) -> dict[str, Fact]:
    """Write `best_model.keras` and `history.json`.

    The order of the reviews and the dropout masks of an epoch depend on the seed and the
    epoch alone. The history has one list per figure, with one number per epoch; the
    learning rate is the one that the epoch was trained with. With `state`, each epoch is
    saved there, and an interrupted training goes on to the same weights bit for bit.

    Args:
        initial_model: Network with its first weights, not compiled.
        train: Padded training reviews (Parquet).
        validation: Padded reviews whose loss chooses the epoch (Parquet).
        fit: Epochs, batch size, rates, patience, seed.
        folder: Where to write.
        state: Where to save each epoch and look for an interrupted training's last one.

    Returns:
        Facts: epochs run, best epoch (from 1 on) and its validation loss, hashes of the best
        model and of the last epoch's weights.

    Raises:
        DivergedError: No epoch had a validation loss that is a number.
    """
    import keras

    keras.utils.set_random_seed(fit.seed)
    if fit.deterministic:
        _use_deterministic_operations()
    model = keras.models.load_model(initial_model, compile=False)
    compile_model(model, fit.learning_rate)
    best_model = folder / "best_model.keras"
    restored = restore_state(state, model, best_model) if state else None
    if restored:
        _LOG.info("going on after epoch %d of an interrupted training", restored.epochs_done)
    history = restored.history if restored else {}
    if restored is None or not restored.finished:
        later = _fit(
            model,
            read_arrays(train),
            read_arrays(validation),
            fit,
            best_model,
            state,
            restored,
        )
        history = {
            name: history.get(name, []) + values for name, values in later.items()
        } or history
    if not best_model.exists():
        raise DivergedError(
            f"no epoch had a validation loss that is a number; lower learning_rate="
            f"{fit.learning_rate}"
        )
    write_text(folder / "history.json", readable_json(history))
    losses = history["val_loss"]
    return {
        "epochs_run": len(losses),
        "best_epoch": losses.index(min(losses)) + 1,
        "best_val_loss": min(losses),
        "best_model_hash": model_hash(keras.models.load_model(best_model, compile=False)),
        "last_weights_hash": weights_hash(model),
    }


def _fit(
    model: keras.Model,
    reviews: ReviewArrays,
    judged: ReviewArrays,
    fit: FitConfig,
    best_model: Path,
    state: Path | None,
    restored: TrainingState | None,
) -> dict[str, list[float]]:
    """Train from the first epoch that is not done and return the history from there on."""
    from tasks.training_callbacks import EpochLines, EpochSeeds, SaveState, tutorial_callbacks

    done = restored.epochs_done if restored else 0
    judges = tutorial_callbacks(fit, best_model)
    savers = [SaveState(state, best_model, judges, restored)] if state else []
    _LOG.info("training on %d reviews, validating on %d", len(reviews), len(judged))
    history = model.fit(
        _dataset(reviews, fit, first_epoch=done),
        steps_per_epoch=steps_per_epoch(len(reviews), fit.batch_size),
        epochs=fit.epochs,
        initial_epoch=done,
        validation_data=(judged.tokens, judged.labels),
        validation_batch_size=fit.evaluation_batch_size,
        callbacks=[EpochSeeds(fit.seed), *judges, *savers, EpochLines(fit.epochs)],
        shuffle=False,
        verbose="auto" if sys.stdout.isatty() else 0,
    ).history
    return {name: [float(value) for value in values] for name, values in history.items()}


def compile_model(model: keras.Model, learning_rate: float) -> None:
    """Compile for binary cross-entropy, accuracy and Adam (https://arxiv.org/abs/1412.6980)."""
    import keras

    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )


def _dataset(reviews: ReviewArrays, fit: FitConfig, first_epoch: int) -> tf.data.Dataset:
    import tensorflow as tf

    return tf.data.Dataset.from_generator(
        lambda: endless_batches(
            reviews.tokens,
            reviews.labels,
            batch_size=fit.batch_size,
            seed=fit.seed,
            first_epoch=first_epoch,
        ),
        output_signature=(
            tf.TensorSpec((None, reviews.tokens.shape[1]), tf.int32),
            tf.TensorSpec((None, 1), tf.float32),
        ),
    ).prefetch(_BATCHES_AHEAD)


def _use_deterministic_operations() -> None:
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
