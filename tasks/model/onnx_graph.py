"""Fold the trained network into a smaller graph that gives the same probabilities.

Without dropout, embedding and convolution are one linear map of each word and its place in the
window. So for each of the `kernel_size` places one table holds what each word adds to the
convolution: `table[k][word] = embedding[word] @ kernel[k]`. To look up and add replaces 70 % of
the network's arithmetic. The rest is as it was; the graph is ONNX (https://onnx.ai/onnx/operators/),
which ONNX Runtime computes.
"""

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, parser

from tasks.common.errors import PipelineError
from tasks.model.keras_archive import KerasArchive

INPUT = "tokens"

_LAYERS = (
    "InputLayer",
    "Embedding",
    "Dropout",
    "Conv1D",
    "MaxPooling1D",
    "Bidirectional",
    "Dropout",
    "Bidirectional",
    "Dense",
)

_EXPECTED: dict[str, dict[str, Any]] = {
    "Embedding": {"mask_zero": False, "quantization_config": None},
    "Conv1D": {
        "strides": [1],
        "padding": "valid",
        "data_format": "channels_last",
        "dilation_rate": [1],
        "groups": 1,
        "activation": "relu",
        "use_bias": True,
    },
    "MaxPooling1D": {"padding": "valid", "data_format": "channels_last"},
    "Bidirectional": {"merge_mode": "concat"},
    "LSTM": {
        "return_state": False,
        "stateful": False,
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "use_bias": True,
    },
    "Dense": {"use_bias": True},
}
"""Settings on which the graph relies, by class of layer."""

_GRAPH = """
<
    ir_version: 10,
    opset_import: ["": 18],
    producer_name: "sentiment-training-pipeline"
>
sentiment (int32[reviews, {maxlen}] tokens) => (float[reviews, {outputs}] probability) {{
    {look_ups}
    convolution = Sum({added})
    windows = Reshape(convolution, windows_shape)
    largest = ReduceMax <keepdims = 0> (windows, window_axis)
    reviews_first = Relu(largest)
    pooled = Transpose <perm = [1, 0, 2]> (reviews_first)
    sequence_steps, sequence_last = LSTM <hidden_size = {units}, direction = "bidirectional">
        (pooled, sequence_input, sequence_recurrent, sequence_bias)
    sequence_joined = Transpose <perm = [0, 2, 1, 3]> (sequence_steps)
    sequence = Reshape(sequence_joined, sequence_shape)
    summary_steps, summary_last = LSTM <hidden_size = {last_units}, direction = "bidirectional">
        (sequence, summary_input, summary_recurrent, summary_bias)
    summary_joined = Transpose <perm = [1, 0, 2]> (summary_last)
    summary = Reshape(summary_joined, summary_shape)
    logit = Gemm(summary, dense_kernel, dense_bias)
    probability = {activation}(logit)
}}
"""
"""In ONNX's text syntax, https://github.com/onnx/onnx/blob/main/docs/Syntax.md.

An LSTM runs over (time, n, features). The largest of several relu is the relu of the largest.
"""

_LOOK_UP = """
    tokens_{0} = Slice(tokens, from_{0}, to_{0}, token_axis)
    added_{0} = Gather <axis = 0> (table_{0}, tokens_{0})
"""


class NotFoldableError(PipelineError):
    """A model is not the network that this module knows; Keras itself has to compute it."""


def folded_graph(archive: KerasArchive) -> onnx.ModelProto:
    """Return the graph: input `tokens` int32 (n, maxlen), output `probability` float32.

    The output has the shape (n, numbers), the numbers of a `probability_layer`. A
    NotFoldableError says that the model has not the layers and settings that `build_model` gives.
    """
    layers = _known_layers(archive)
    weights = {name.removeprefix("layers/"): array for name, array in archive.weights.items()}
    try:
        maxlen, pool = layers[0]["batch_shape"][1], layers[4]["pool_size"][0]
        constants = {
            **_look_up_tables(weights, maxlen, pool),
            **_lstm(weights, "bidirectional", "sequence"),
            **_lstm(weights, "bidirectional_1", "summary"),
            "dense_kernel": weights["dense/vars/0"],
            "dense_bias": weights["dense/vars/1"],
            # 0 stands for the length that the tensor has there, -1 for what is left.
            "sequence_shape": np.array([0, 0, -1]),
            "summary_shape": np.array([0, -1]),
        }
    except KeyError as error:
        raise NotFoldableError(f"the model has no array {error}") from None
    places = range(weights["conv1d/vars/0"].shape[0])
    model = parser.parse_model(
        _GRAPH.format(
            maxlen=maxlen,
            look_ups="".join(map(_LOOK_UP.format, places)),
            added=", ".join(f"added_{place}" for place in places),
            units=constants["sequence_recurrent"].shape[2],
            last_units=constants["summary_recurrent"].shape[2],
            outputs=layers[-1]["units"],
            activation="Sigmoid" if layers[-1]["units"] == 1 else "Softmax",
        )
    )
    model.graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(array), name)
        for name, array in constants.items()
    )
    return model


def _look_up_tables(
    weights: dict[str, np.ndarray], maxlen: int, pool: int
) -> dict[str, np.ndarray]:
    """Return the tables of embedding and convolution, and the shapes of what they add up to."""
    kernel, bias = weights["conv1d/vars/0"], weights["conv1d/vars/1"]
    width, _, filters = kernel.shape
    steps = (maxlen - width + 1) // pool
    numbers = {"token_axis": [1], "windows_shape": [0, steps, pool, filters], "window_axis": [2]}
    tables = {}
    for place in range(width):
        table = weights["embedding/vars/0"] @ kernel[place]
        tables[f"table_{place}"] = table + bias if place == 0 else table
        # The pooling leaves out what does not fill its last window.
        numbers |= {f"from_{place}": [place], f"to_{place}": [place + steps * pool]}
    return tables | {name: np.array(values, np.int64) for name, values in numbers.items()}


def _lstm(weights: dict[str, np.ndarray], layer: str, name: str) -> dict[str, np.ndarray]:
    """Return the weights of both directions in ONNX's order of gates: i, o, f, c (Keras: ifco)."""
    sides = []
    for side in ("forward", "backward"):
        cell = f"{layer}/{side}_layer/cell"
        kernel, recurrent, bias = (weights[f"{cell}/vars/{index}"] for index in range(3))
        gates = np.split(np.arange(kernel.shape[1]), 4)
        order = np.concatenate([gates[gate] for gate in (0, 3, 1, 2)])
        # ONNX adds a bias to the recurrent part too.
        both_biases = np.concatenate([bias[order], np.zeros_like(bias)])
        sides.append((kernel[:, order].T, recurrent[:, order].T, both_biases))
    kinds = zip(("input", "recurrent", "bias"), zip(*sides, strict=True), strict=True)
    return {f"{name}_{kind}": np.stack(both) for kind, both in kinds}


def _known_layers(archive: KerasArchive) -> list[dict[str, Any]]:
    """Return the config of each layer by its place."""
    layers = archive.config.get("config", {}).get("layers", [])
    if archive.names_code:
        raise NotFoldableError("the model has layers that are not Keras's own")
    names = tuple(layer.get("class_name") for layer in layers)
    if archive.config.get("class_name") != "Sequential" or names != _LAYERS:
        raise NotFoldableError(f"the model has the layers {', '.join(map(str, names))}")
    for layer in layers:
        _require_settings(layer["class_name"], layer["config"])
        if layer["class_name"] == "Bidirectional":
            returns = layer is layers[5]
            for name, backwards in (("layer", False), ("backward_layer", True)):
                inner = layer["config"][name]["config"]
                _require_settings("LSTM", inner)
                _require(inner, "return_sequences", returns)
                _require(inner, "go_backwards", backwards)
    _require(layers[4]["config"], "strides", layers[4]["config"]["pool_size"])
    dense = layers[8]["config"]
    _require(dense, "activation", "sigmoid" if dense.get("units") == 1 else "softmax")
    return [layer["config"] for layer in layers]


def _require_settings(kind: str, config: dict[str, Any]) -> None:
    for name, value in _EXPECTED.get(kind, {}).items():
        _require(config, name, value)
    dtype = config.get("dtype")
    if isinstance(dtype, dict) and dtype.get("config") != {"name": "float32"}:
        raise NotFoldableError(f"the layer {config.get('name')} does not compute in float32")


def _require(config: dict[str, Any], name: str, value: object) -> None:
    if config.get(name) != value:
        raise NotFoldableError(
            f"the layer {config.get('name')} has {name}={config.get(name)!r}, not {value!r}"
        )
