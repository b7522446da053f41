"""Build a user's network, and find before any training what would break a promise later."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tasks.common.atomic_files import whole_file
from tasks.common.canonical_json import canonical_json
from tasks.common.errors import NetworkError
from tasks.common.seeds import generator
from tasks.data.text.tokenizer import PAD_ID, START_ID
from tasks.model.keras_contracts import names_from_one, seeds_of_layers
from tasks.model.own.archive import add_code
from tasks.model.own.code import NetworkCode
from tasks.model.own.loading import imported, load_with_code, told_as
from tasks.model.own.network_input import NetworkInput

_ATTEMPTS = 3
_PROBES = 8
_SUM_TOLERANCE = 1e-3

_UNSAVED = "cannot be saved; give each own layer a get_config"

_SUBCLASSING = "https://keras.io/guides/making_new_layers_and_models_via_subclassing/"


def build_own_network(code: NetworkCode, data: NetworkInput, file: Path) -> keras.Model:
    """Write the network with its code to a `.keras` file, and return it, as it is read from there.

    Raises:
        NetworkError: The function fails, or the network would break a promise: says which and how
            to fix it.
    """
    model = _built(code, data)
    _require_form(code, model, data)
    tokens = probes(data)
    with told_as(code, "cannot answer"):
        answers = np.asarray(model(tokens, training=False))
    _require_probabilities(code, answers, data)
    _require_equal_builds(code, data, model)
    with whole_file(file) as temporary:
        with told_as(code, _UNSAVED):
            model.save(temporary)
        add_code(temporary, code)
    loaded = _loaded(code, file)
    _require_same(code, model, loaded, answers, tokens)
    _require_repeatable(code, loaded, tokens)
    _require_gradients(code, loaded, tokens, data)
    return _loaded(code, file)


def probes(data: NetworkInput) -> np.ndarray:
    """Return made-up padded reviews of all lengths, with all kinds of ids, int32 (n, maxlen)."""
    random = generator(0, "probes")
    tokens = random.integers(START_ID + 1, data.num_words, (_PROBES, data.maxlen)).astype(np.int32)
    tokens[0, -1] = data.num_words - 1
    for row, kept in enumerate(np.linspace(1, data.maxlen, _PROBES).astype(int)):
        tokens[row, : data.maxlen - kept] = PAD_ID
        tokens[row, data.maxlen - kept] = START_ID
    return tokens


def _built(code: NetworkCode, data: NetworkInput) -> Any:  # noqa: ANN401 - whatever it returns
    """Call the function with the same state of Keras each time."""
    function = getattr(imported(code), code.function)
    keras.utils.set_random_seed(data.seed)
    with told_as(code, "cannot be built"), names_from_one(), seeds_of_layers(data.seed):
        return function(data, **code.options)


def _require_form(code: NetworkCode, model: Any, data: NetworkInput) -> None:  # noqa: ANN401
    if not isinstance(model, keras.Model):
        raise NetworkError(
            f"the network {code.called} is a {type(model).__name__}: the function must return a"
            " keras.Model"
        )
    if not isinstance(model, keras.Sequential) and type(model).__name__ != "Functional":
        raise NetworkError(
            f"the network {code.called} is of an own model class, {type(model).__name__}: return"
            " keras.Model(inputs, outputs) or a keras.Sequential, so that it can be read again"
        )
    if not model.built or len(model.inputs) != 1 or model.inputs[0].shape != (None, data.maxlen):
        found = [tuple(one.shape) for one in model.inputs] if model.built else "none"
        raise NetworkError(
            f"the network {code.called} has the input shapes {found}: must have one input of"
            f" (None, {data.maxlen}), as keras.Input((data.maxlen,), dtype='int32') gives"
        )
    if model.compiled:
        raise NetworkError(
            f"the network {code.called} is compiled: leave that out; the options of the training"
            " say optimizer and loss"
        )
    if [tuple(one.shape) for one in model.outputs] != [(None, data.outputs)]:
        found = [tuple(one.shape) for one in model.outputs]
        raise NetworkError(
            f"the network {code.called} has the output shapes {found}: must be (None,"
            f" {data.outputs}) for {data.classes} labels; end with"
            " keras.layers.Dense(data.outputs, activation=data.activation)"
        )


def _require_probabilities(code: NetworkCode, answers: np.ndarray, data: NetworkInput) -> None:
    if not np.isfinite(answers).all():
        raise NetworkError(
            f"the network {code.called} answers NaN or infinity before any training: look for a"
            " division by zero, as of a mean over no word, or a logarithm of 0"
        )
    sums = answers.sum(axis=1)
    is_one = data.outputs == 1 or bool(np.allclose(sums, 1, atol=_SUM_TOLERANCE))
    if answers.min() < 0 or answers.max() > 1 or not is_one:
        raise NetworkError(
            f"the network {code.called} answers {answers.flat[0]:.3g}, which is no probability:"
            " end with keras.layers.Dense(data.outputs, activation=data.activation)"
        )


def _require_equal_builds(code: NetworkCode, data: NetworkInput, model: keras.Model) -> None:
    # Threads of other libraries draw from Python's generator as well, now and then.
    different: list[str] = []
    for _ in range(_ATTEMPTS):
        again = _built(code, data)
        with told_as(code, _UNSAVED):
            different = _differences(model, again)
        if not different:
            return
        model = again
    raise NetworkError(
        f"the network {code.called} begins with other weights each time, with the same seed, in"
        f" {', '.join(different[:3])}: draw random numbers by Keras's initializers, or by"
        " numpy.random.default_rng(data.seed)"
    )


def _differences(one: keras.Model, other: keras.Model) -> list[str]:
    # The seeds of random layers are set anew for each epoch, and are not in a model's file.
    weights, others = one.weights, other.weights
    pairs = zip(weights, others, strict=False)
    different = [a.path for a, b in pairs if not np.array_equal(a.numpy(), b.numpy())]
    same_form = canonical_json(one.get_config()) == canonical_json(other.get_config())
    return different or ([] if same_form and len(weights) == len(others) else ["its layers"])


def _loaded(code: NetworkCode, file: Path) -> keras.Model:
    with told_as(
        code,
        "cannot be read from its file again; each own layer must pass **options of its __init__ on"
        f" to super().__init__ and return all others in get_config ({_SUBCLASSING}), and a lambda"
        " must become a function",
    ):
        return load_with_code(file)


def _require_same(
    code: NetworkCode,
    model: keras.Model,
    loaded: keras.Model,
    answers: np.ndarray,
    tokens: np.ndarray,
) -> None:
    again = np.asarray(loaded(tokens, training=False))
    if _differences(model, loaded) or not np.array_equal(answers, again):
        raise NetworkError(
            f"the network {code.called} is another one once it was saved and read again: each own"
            " layer must keep all that it computes with in its weights or its get_config"
        )


def _require_repeatable(code: NetworkCode, model: keras.Model, tokens: np.ndarray) -> None:
    before = [variable.numpy() for variable in model.variables]
    answers = []
    for _ in range(2):
        for variable, value in zip(model.variables, before, strict=True):
            variable.assign(value)
        with told_as(code, "cannot answer in training"):
            answers.append(np.asarray(model(tokens, training=True)))
    if not np.array_equal(answers[0], answers[1], equal_nan=True):
        raise NetworkError(
            f"the network {code.called} draws global random numbers in training, so that a resumed"
            " training would be another one: give the layer that draws them a"
            " keras.random.SeedGenerator of its own"
        )


def _require_gradients(
    code: NetworkCode, model: keras.Model, tokens: np.ndarray, data: NetworkInput
) -> None:
    labels = np.arange(len(tokens)) % data.classes
    with told_as(code, "cannot be trained"):
        with tf.GradientTape() as tape:
            given = model(tokens, training=True)
            of_truth = given[:, 0] if data.outputs == 1 else tf.gather(given, labels, batch_dims=1)
            loss = -tf.reduce_mean(tf.math.log(tf.clip_by_value(of_truth, 1e-7, 1.0)))
        if not model.trainable_variables:
            return
        gradients = tape.gradient(loss, model.trainable_variables)
    pairs = zip(model.trainable_variables, gradients, strict=True)
    wrong = [
        a.path for a, b in pairs if b is not None and not np.isfinite(tf.convert_to_tensor(b)).all()
    ]
    if not np.isfinite(float(loss)) or wrong:
        raise NetworkError(
            f"the network {code.called} has a first loss or gradient that is no number"
            f"{f' ({wrong[0]})' if wrong else ''}: look for a division by zero or a logarithm of 0"
        )
