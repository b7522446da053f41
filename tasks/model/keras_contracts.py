"""What is known of Keras beyond its documented interface; tests of this module fail on a change."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
from keras import KerasTensor, ops
from keras.src.backend.common import global_state
from keras.src.random import seed_generator

CallbackState = dict[str, int | float | None]

_CALLBACK_FIELDS: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: ("best",),
}
"""What a callback counts, and thus what it lacks in a new process."""

_LEAST = 1e-7
"""Of a probability: what float32 still tells from none."""


@contextmanager
def names_from_one() -> Iterator[None]:
    """Have layers without a name get those of a new process during the block."""
    counts = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", counts)


@contextmanager
def seeds_of_layers(seed: int) -> Iterator[None]:
    """Have layers without a seed draw theirs during the block from a generator of their own.

    They get those that Python's would give after `random.seed(seed)`, from which threads draw too:
    Prefect's connection to its server every twenty seconds.
    """
    shared = seed_generator.python_random
    seed_generator.python_random = random.Random(seed)  # noqa: S311 - no secret
    try:
        yield
    finally:
        seed_generator.python_random = shared


def nested_embeddings(model: keras.Model) -> list[keras.layers.Embedding]:
    """Return the embeddings of a model, those inside its other layers too."""
    layers = model._flatten_layers()  # noqa: SLF001
    return [layer for layer in layers if isinstance(layer, keras.layers.Embedding)]


def logits_of(outputs: KerasTensor) -> KerasTensor:
    """Return the float32 logits behind probabilities that were just computed, of the same shape.

    Keras keeps them for its losses where a sigmoid or softmax comes last; elsewhere they are made
    of the probabilities. Of several numbers they have no zero of their own.
    """
    logits = getattr(outputs, "_keras_logits", None)
    if logits is None:
        given = ops.clip(ops.cast(outputs, "float32"), _LEAST, 1 - _LEAST)
        logits = ops.log(given) - (ops.log(1 - given) if outputs.shape[-1] == 1 else 0)
    return ops.cast(logits, "float32")


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """Return the seed variables of the model's random layers, in layer order."""
    return [variable for variable in model.variables if "seed_generator" in variable.path]


def adam_moments(
    optimizer: keras.optimizers.Adam, variable: keras.Variable
) -> tuple[keras.Variable, keras.Variable]:
    """Return the first and second moment that Adam keeps of a variable."""
    place = optimizer._get_variable_index(variable)  # noqa: SLF001
    return optimizer._momentums[place], optimizer._velocities[place]  # noqa: SLF001


def callback_states(callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, CallbackState]:
    """Return the counters and best values of the callbacks, by the name of their class."""
    return {
        type(callback).__name__: {
            name: _plain(getattr(callback, name)) for name in _CALLBACK_FIELDS[type(callback)]
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
