"""Train: fit the network, keep the weights of the epoch with the lowest validation loss."""

import logging

import keras
import numpy as np
import tensorflow as tf

from tasks.common.artifact_store import Fact
from tasks.common.device import Device
from tasks.common.process_memory import give_back_memory
from tasks.common.records import write_json
from tasks.config.training import FitConfig
from tasks.data.review_files import count_reviews, read_labels
from tasks.model.architectures import ARCHITECTURES
from tasks.model.model_hash import model_hash, weights_hash
from tasks.model.network import keras_model
from tasks.model.own.archive import add_code, code_in
from tasks.model.own.onnx_form import add_onnx_form
from tasks.training.batch_order import steps_per_epoch
from tasks.training.calibration import CALIBRATION, calibrate
from tasks.training.callbacks import RateSchedule, TrainingFollower, judging_callbacks
from tasks.training.checkpoint import restore_state
from tasks.training.datasets import ordered_batches, ordered_dataset, shuffled_dataset
from tasks.training.plan import TrainingPlan, TrainingState, best_epoch
from tasks.training.progress import tell_progress
from tasks.training.step import step_code, trained_form

_LOG = logging.getLogger(__name__)

_REVIEWS_AT_ONCE = 4096

_PROBES = 64


def train_model(plan: TrainingPlan) -> dict[str, Fact]:
    """Write `best_model.keras`, calibrated where it can be, `calibration.json` and `history.json`.

    The order of the reviews and the dropout masks of an epoch depend on the seed and the
    epoch alone. Reviews are read as they are needed: at most `fit.shuffle_buffer` of them are
    held, or one row group where that has more. The history has one list per metric, with one
    number per epoch; the learning rate is the one that the epoch was trained with. With a `state`,
    the training is saved there on the way, and an interrupted one ends with the same weights
    bit for bit.

    Returns:
        Facts: the code of the training step, epochs run, best epoch (from 1 on) and its
        validation loss before it was calibrated, the temperature, hashes of the best model and of
        the last epoch's weights.

    Raises:
        DivergedError: A loss was not a number.
    """
    fit = plan.fit
    keras.utils.set_random_seed(fit.seed)
    if fit.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy_for(plan.device).scope():
        network = keras_model(plan.initial_model)
        code = step_code(fit.training_step, plan.network, plan.device)
        model = trained_form(network, code, fit)
        done = TrainingState()
        if plan.state:
            done = restore_state(plan.state, model, plan.best_model)
        if done != TrainingState():
            step = f", step {done.steps_done}" if done.begun else ""
            _LOG.info(
                "resuming after epoch %d%s of an interrupted training", done.epochs_done, step
            )
        else:
            prepare_network(network, plan)
        if not _is_over(done, fit):
            done = _fit(plan, model, done)
    tell_progress(done, fit.epochs, step=0, steps=0, finished=True)
    give_back_memory()  # before the best model is loaded beside the last one
    write_json(plan.folder / "history.json", done.history)
    own = code_in(plan.initial_model)
    if own:
        add_code(plan.best_model, own)
    calibration = calibrate(plan)
    write_json(plan.folder / CALIBRATION, calibration)
    losses = done.history["val_loss"]
    return {
        "training_step": code,
        "epochs_run": len(losses),
        "best_epoch": best_epoch(done.history),
        "best_val_loss": min(losses),
        "temperature": calibration.temperature,
        "best_model_hash": model_hash(keras_model(plan.best_model), own.sha256 if own else None),
        "last_weights_hash": weights_hash(network),
    }


def train_with_forms(plan: TrainingPlan) -> dict[str, Fact]:
    """Do what `train_model` does; a user's network gets its ONNX form, if it can have one."""
    facts = train_model(plan)
    if code_in(plan.best_model):
        tokens, _ = next(iter(ordered_batches(plan.validation, _PROBES)))
        add_onnx_form(plan.best_model, tokens)
    return facts


def prepare_network(network: keras.Model, plan: TrainingPlan) -> None:
    """Set what is counted on the training reviews, where an architecture has such a thing."""
    if plan.network and (prepare := ARCHITECTURES[plan.network.architecture].prepare):
        prepare(network, ordered_batches(plan.train, _REVIEWS_AT_ONCE), plan.network)


def strategy_for(device: Device) -> tf.distribute.Strategy:
    """Return how TensorFlow spreads a training over the devices, each with the whole network.

    Their gradients are summed before each step, so that a training is that of one device with the
    same batches, but for rounding and for which numbers dropout hits.

    See https://www.tensorflow.org/guide/distributed_training#mirroredstrategy
    """
    if device.count == 1:
        return tf.distribute.get_strategy()
    names = [f"{device.kind.upper()}:{number}" for number in range(device.count)]
    return tf.distribute.MirroredStrategy(names)


def _fit(plan: TrainingPlan, model: keras.Model, now: TrainingState) -> TrainingState:
    """Train from a state to the end; an epoch that was begun is finished on its own first."""
    fit = plan.fit
    rows, judged = count_reviews(plan.train), count_reviews(plan.validation)
    _LOG.info("training on %d reviews, validating on %d", rows, judged)
    steps = steps_per_epoch(rows, fit.batch_size)
    judges = judging_callbacks(fit, plan.best_model)
    weights = class_weights(read_labels(plan.train), fit)
    while not _is_over(now, fit):
        follower = TrainingFollower(plan, now, steps, judges)
        rates = RateSchedule(fit, steps, now.steps_done)
        model.fit(
            shuffled_dataset(plan.train, fit, now.epochs_done, now.steps_done),
            steps_per_epoch=steps - now.steps_done,
            epochs=now.epochs_done + 1 if now.begun else fit.epochs,
            initial_epoch=now.epochs_done,
            validation_data=ordered_dataset(
                plan.validation, _judging_batch(judged, fit, plan.device.count)
            ),
            class_weight=weights,
            callbacks=[*judges, rates, follower],
            shuffle=False,
            verbose=0,
        )
        now = follower.state
    return now


def _judging_batch(rows: int, fit: FitConfig, devices: int) -> int:
    """Return how many reviews are judged at once.

    Keras fails where several devices get unequal parts of the first batch, which is a small one
    where there are few reviews.
    """
    size = min(fit.evaluation_batch_size, rows)
    return max(devices, size - size % devices)


def _is_over(state: TrainingState, fit: FitConfig) -> bool:
    return state.finished or state.epochs_done >= fit.epochs


def class_weights(labels: np.ndarray, fit: FitConfig) -> dict[int, float] | None:
    """Return how much a review of each label counts, None where all count the same.

    Balanced weights give all labels the same sum, and a review 1 on average. `labels` are numbers
    from 0 on, each present, shape (n,).
    """
    if fit.class_weights == "equal":
        return None
    counts = np.bincount(labels).tolist()
    return {label: len(labels) / (len(counts) * count) for label, count in enumerate(counts)}
