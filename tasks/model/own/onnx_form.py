"""The ONNX form of a network of Keras's layers, so that a prediction needs no TensorFlow.

It is made by Keras's own exporter (https://keras.io/api/models/model_saving_apis/export/), and kept
in the `.keras` file of a user's network, beside the weights.
"""

import logging
import tempfile
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import onnx

from tasks.common.errors import first_line
from tasks.model.answers import of_each, probabilities_of
from tasks.model.keras_archive import ONNX_FORM, names_code
from tasks.model.network import TOLERANCE, keras_model, onnx_network
from tasks.model.onnx_graph import INPUT

_OPERATIONS = 18
"""Version of ONNX's operations: the first one that has those on bits, which n-grams need."""

_MOST_BYTES = 1 << 28

_LOG = logging.getLogger(__name__)


def add_onnx_form(model_file: Path, tokens: np.ndarray) -> None:
    """Add what `made_onnx_form` returns to the `.keras` file, which stays as it is without."""
    if graph := made_onnx_form(model_file, tokens):
        with zipfile.ZipFile(model_file, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(ONNX_FORM, graph)


def made_onnx_form(model_file: Path, tokens: np.ndarray) -> bytes | None:
    """Return a network of Keras's layers as an ONNX graph, None where it cannot be one.

    A network with a user's layers has none. Where the exporter refuses a layer, or the form answers
    `tokens` otherwise than Keras, the log says why. `tokens` is int32 of shape (n, maxlen).
    """
    if names_code(model_file):
        _LOG.info("no ONNX form: it has layers that are not Keras's; predictions start TensorFlow")
        return None
    if model_file.stat().st_size > _MOST_BYTES:
        _LOG.info("no ONNX form: it would be too large; predictions start TensorFlow")
        return None
    try:
        model = keras_model(model_file)
        graph = _exported(model)
        fault = _difference(model, graph, tokens)
    except Exception as error:  # whatever the exporter, or ONNX Runtime, raises
        fault = first_line(error)
    if fault:
        _LOG.warning("no ONNX form, predictions start TensorFlow: %s", fault)
        return None
    return graph


def _exported(model: keras.Model) -> bytes:
    for name in ("tf2onnx", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    taken = keras.InputSpec(shape=model.input_shape, dtype="int32", name=INPUT)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its makers' notices, not the user's
        file = Path(folder) / "network.onnx"
        model.export(
            str(file),
            format="onnx",
            verbose=False,
            input_signature=[taken],
            opset_version=_OPERATIONS,
        )
        graph: bytes = _corrected(onnx.load(file)).SerializeToString()
    return graph


def _corrected(model: onnx.ModelProto) -> onnx.ModelProto:
    """Write two operations of TensorFlow's as ONNX has them, which the exporter gets wrong.

    Erfc, which GELU has, is 1 - Erf. The remainder of a negative integer has the divisor's sign.
    """
    nodes, one = list(model.graph.node), "one of erfc"
    made_by = {node.output[0]: node for node in nodes}
    del model.graph.node[:]
    for node in nodes:
        if node.op_type == "Erfc":
            found = f"{node.output[0]} erf"
            model.graph.node.append(onnx.helper.make_node("Erf", node.input, [found]))
            node = onnx.helper.make_node("Sub", [one, found], node.output)  # noqa: PLW2901
        elif divisor := _divisor(node, made_by):
            inputs = [node.input[0], divisor]
            node = onnx.helper.make_node("Mod", inputs, node.output)  # noqa: PLW2901
        model.graph.node.append(node)
    if any(node.op_type == "Erfc" for node in nodes):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, np.float32), one))
    return model


def _divisor(node: onnx.NodeProto, made_by: dict[str, onnx.NodeProto]) -> str | None:
    """Return d where a node is the last one of x - x / d * d."""
    if node.op_type != "Sub" or not (product := made_by.get(node.input[1])):
        return None
    quotient = made_by.get(product.input[0]) if product.op_type == "Mul" else None
    if quotient is None or quotient.op_type != "Div":
        return None
    dividend, divisor = quotient.input
    return divisor if (node.input[0], product.input[1]) == (dividend, divisor) else None


def _difference(model: keras.Model, graph: bytes, tokens: np.ndarray) -> str:
    """Return why the form is not the network, nothing where it is."""
    expected = of_each(probabilities_of(model.predict(tokens, verbose=0)))
    found = of_each(onnx_network(graph)(tokens))
    most = float(np.abs(found - expected).max())
    return "" if most <= TOLERANCE else f"its probabilities differ from Keras's by {most:.2g}"
