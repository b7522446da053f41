"""Fold the trained network into a smaller graph that gives the same probabilities.

Without dropout, embedding and convolution are one linear map of each word and its place in the
window. So for each of the `kernel_size` places one table holds what each word adds to the
convolution: `table[k][word] = embedding[word] @ kernel[k]`. To look up and add replaces 70 % of
the network's arithmetic. The rest is as it was; the graph is ONNX (https://onnx.ai/onnx/operators/),
which ONNX Runtime computes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tasks.common.errors import PipelineError
from tasks.model.keras_archive import KerasArchive

INPUT, OUTPUT = "tokens", "probability"

_OPSET, _IR_VERSION = 18, 10

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
    "Dense": {"units": 1, "activation": "sigmoid", "use_bias": True},
}
"""Settings on which the graph relies, by class of layer."""


class NotFoldableError(PipelineError):
    """A model is not the network that this module knows; Keras itself has to compute it."""


@dataclass(frozen=True)
class _Parts:
    """The config of each layer by its place, and the arrays."""

    layers: list[dict[str, Any]]
    weights: dict[str, np.ndarray]

    def weight(self, name: str) -> np.ndarray:
        return self.weights[f"layers/{name}"]


def folded_graph(archive: KerasArchive) -> onnx.ModelProto:
    """Return the graph: input `tokens` int32 (n, maxlen), output `probability` float32 (n, 1).

    Raises:
        NotFoldableError: The model has other layers or settings than `build_model` gives it.
    """
    parts = _known(archive)
    graph = _Graph()
    try:
        maxlen = _conv_and_pool(graph, parts)
        _lstm(graph, parts, "bidirectional", "pooled", "sequence", every_step=True)
        _lstm(graph, parts, "bidirectional_1", "sequence", "summary", every_step=False)
        graph.constant("dense_kernel", parts.weight("dense/vars/0"))
        graph.constant("dense_bias", parts.weight("dense/vars/1"))
    except KeyError as error:
        raise NotFoldableError(f"the model has no array {error}") from None
    graph.add("Gemm", ["summary", "dense_kernel", "dense_bias"], "logit")
    graph.add("Sigmoid", ["logit"], OUTPUT)
    inputs = [helper.make_tensor_value_info(INPUT, onnx.TensorProto.INT32, ["reviews", maxlen])]
    outputs = [helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["reviews", 1])]
    return helper.make_model(
        helper.make_graph(graph.nodes, "sentiment", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="sentiment-training-pipeline",
    )


class _Graph:
    """Nodes and constants of a graph that grows."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def numbers(self, name: str, *values: int) -> str:
        return self.constant(name, np.array(values, np.int64))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:  # noqa: ANN401
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output


def _known(archive: KerasArchive) -> _Parts:
    layers = archive.config.get("config", {}).get("layers", [])
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
    return _Parts([layer["config"] for layer in layers], archive.weights)


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


def _conv_and_pool(graph: _Graph, parts: _Parts) -> int:
    """Add embedding, convolution and pooling as look-ups; output `pooled` (time, n, filters)."""
    maxlen = int(parts.layers[0]["batch_shape"][1])
    kernel, bias = parts.weight("conv1d/vars/0"), parts.weight("conv1d/vars/1")
    embedding = parts.weight("embedding/vars/0")
    width, filters = kernel.shape[0], kernel.shape[2]
    pool = int(parts.layers[4]["pool_size"][0])
    steps = (maxlen - width + 1) // pool
    graph.numbers("token_axis", 1)
    looked_up = []
    for place in range(width):
        table = embedding @ kernel[place] + (bias if place == 0 else 0)
        graph.constant(f"table_{place}", table)
        # The pooling leaves out what does not fill its last window.
        graph.numbers(f"from_{place}", place)
        graph.numbers(f"to_{place}", place + steps * pool)
        window = [INPUT, f"from_{place}", f"to_{place}", "token_axis"]
        graph.add("Slice", window, f"tokens_{place}")
        added = [f"table_{place}", f"tokens_{place}"]
        looked_up.append(graph.add("Gather", added, f"added_{place}", axis=0))
    graph.add("Sum", looked_up, "convolution")
    graph.numbers("windows_shape", 0, steps, pool, filters)
    graph.add("Reshape", ["convolution", "windows_shape"], "windows")
    graph.numbers("window_axis", 2)
    graph.add("ReduceMax", ["windows", "window_axis"], "largest", keepdims=0)
    # The largest of several relu is the relu of the largest.
    graph.add("Relu", ["largest"], "reviews_first")
    graph.add("Transpose", ["reviews_first"], "pooled", perm=[1, 0, 2])
    return maxlen


def _lstm(
    graph: _Graph, parts: _Parts, layer: str, source: str, target: str, *, every_step: bool
) -> None:
    """Add a bidirectional LSTM over (time, n, features); the last states are (n, 2 units)."""
    sides = [_direction(parts, f"{layer}/{side}_layer/cell") for side in ("forward", "backward")]
    names = [
        graph.constant(f"{target}_{name}", np.stack(both))
        for name, both in zip(("input", "recurrent", "bias"), zip(*sides, strict=True), strict=True)
    ]
    units = sides[0][1].shape[1]
    outputs = [f"{target}_steps", f"{target}_last"]
    graph.nodes.append(
        helper.make_node(
            "LSTM", [source, *names], outputs, hidden_size=units, direction="bidirectional"
        )
    )
    if every_step:
        graph.add("Transpose", [outputs[0]], f"{target}_joined", perm=[0, 2, 1, 3])
        graph.numbers(f"{target}_shape", 0, 0, 2 * units)
    else:
        graph.add("Transpose", [outputs[1]], f"{target}_joined", perm=[1, 0, 2])
        graph.numbers(f"{target}_shape", 0, 2 * units)
    graph.add("Reshape", [f"{target}_joined", f"{target}_shape"], target)


def _direction(parts: _Parts, cell: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights in ONNX's order of gates: input, output, forget, cell (Keras: i, f, c, o)."""
    kernel, recurrent, bias = (parts.weight(f"{cell}/vars/{index}") for index in range(3))
    gates = np.split(np.arange(kernel.shape[1]), 4)
    order = np.concatenate([gates[gate] for gate in (0, 3, 1, 2)])
    return (
        kernel[:, order].T,
        recurrent[:, order].T,
        # ONNX adds a bias to the recurrent part too.
        np.concatenate([bias[order], np.zeros_like(bias)]),
    )
