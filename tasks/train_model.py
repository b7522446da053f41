"""Train: fit the network, keep the weights of the epoch with the lowest validation loss."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from tasks.atomic_files import write_text
from tasks.canonical_json import readable_json
from tasks.epoch_batches import endless_batches, steps_per_epoch
from tasks.model_hash import model_hash, weights_hash
from tasks.review_arrays import ReviewArrays, read_arrays

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import tensorflow as tf

    from tasks.artifact_store import Fact
    from tasks.training_config import FitConfig

_LOG = logging.getLogger(__name__)
_BATCHES_AHEAD = 2


def train_model(
    initial_model: Path, train: Path, validation: Path, fit: FitConfig, folder: Path
) -> dict[str, Fact]:
    """Write `best_model.keras` and `history.json`.

    The order of the reviews and the dropout masks of an epoch depend on the seed and the
    epoch alone. The history has one list per figure, with one number per epoch; the
    learning rate is the one that the epoch was trained with.

    Args:
        initial_model: Network with its first weights, not compiled.
        train: Padded training reviews (Parquet).
        validation: Padded reviews whose loss chooses the epoch (Parquet).
        fit: Epochs, batch size, rates, patience, seed.
        folder: Where to write.

    Returns:
        Facts: epochs run, best epoch (from 1 on) and its validation loss, hashes of the best
        model and of the last epoch's weights.
    """
    import keras

    from tasks.training_callbacks import EpochLines, EpochSeeds, tutorial_callbacks

    keras.utils.set_random_seed(fit.seed)
    model = keras.models.load_model(initial_model, compile=False)
    compile_model(model, fit.learning_rate)
    reviews, judged = read_arrays(train), read_arrays(validation)
    best_model = folder / "best_model.keras"
    _LOG.info("training on %d reviews, validating on %d", len(reviews), len(judged))
    history = model.fit(
        _dataset(reviews, fit),
        steps_per_epoch=steps_per_epoch(len(reviews), fit.batch_size),
        epochs=fit.epochs,
        validation_data=(judged.tokens, judged.labels),
        validation_batch_size=fit.evaluation_batch_size,
        callbacks=[
            EpochSeeds(fit.seed),
            *tutorial_callbacks(fit, best_model),
            EpochLines(fit.epochs),
        ],
        shuffle=False,
        verbose="auto" if sys.stdout.isatty() else 0,
    ).history
    write_text(folder / "history.json", readable_json(_numbers(history)))
    losses = history["val_loss"]
    return {
        "epochs_run": len(losses),
        "best_epoch": losses.index(min(losses)) + 1,
        "best_val_loss": float(min(losses)),
        "best_model_hash": model_hash(keras.models.load_model(best_model, compile=False)),
        "last_weights_hash": weights_hash(model),
    }


def compile_model(model: keras.Model, learning_rate: float) -> None:
    """Compile for binary cross-entropy, accuracy and Adam (https://arxiv.org/abs/1412.6980)."""
    import keras

    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )


def _dataset(reviews: ReviewArrays, fit: FitConfig) -> tf.data.Dataset:
    import tensorflow as tf

    return tf.data.Dataset.from_generator(
        lambda: endless_batches(
            reviews.tokens, reviews.labels, batch_size=fit.batch_size, seed=fit.seed
        ),
        output_signature=(
            tf.TensorSpec((None, reviews.tokens.shape[1]), tf.int32),
            tf.TensorSpec((None, 1), tf.float32),
        ),
    ).prefetch(_BATCHES_AHEAD)


def _numbers(history: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [float(value) for value in values] for name, values in history.items()}
