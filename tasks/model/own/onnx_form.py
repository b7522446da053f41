"""The ONNX form of a network of Keras's layers, kept in its `.keras` file beside the weights.

It is made by Keras's own exporter (https://keras.io/api/models/model_saving_apis/export/), so that
a prediction needs no TensorFlow.
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
from tasks.model.answers import of_each
from tasks.model.keras_archive import ONNX_FORM, names_code
from tasks.model.network import TOLERANCE, keras_network, onnx_network
from tasks.model.onnx_graph import INPUT

_LOG = logging.getLogger(__name__)


def add_onnx_form(model_file: Path, tokens: np.ndarray) -> None:
    """Add the ONNX form to the `.keras` file of a user's network, if it can have one.

    A network with a user's layers has none. Where the exporter refuses a layer, or the form answers
    `tokens` otherwise than Keras, the file stays as it is and the log says why. `tokens` is int32
    of shape (n, maxlen), of real reviews.
    """
    if names_code(model_file):
        _LOG.info("no ONNX form: it has layers that are not Keras's; predictions start TensorFlow")
        return
    try:
        graph = _exported(model_file)
        fault = _difference(model_file, graph, tokens)
    except Exception as error:  # whatever the exporter, or ONNX Runtime, raises
        fault = first_line(error)
    if fault:
        _LOG.warning("no ONNX form, predictions start TensorFlow: %s", fault)
        return
    with zipfile.ZipFile(model_file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(ONNX_FORM, graph)


def _exported(model_file: Path) -> bytes:
    for name in ("tf2onnx", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    model = keras.models.load_model(model_file, compile=False, safe_mode=True)
    taken = keras.InputSpec(shape=model.input_shape, dtype="int32", name=INPUT)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its makers' notices, not the user's
        file = Path(folder) / "network.onnx"
        model.export(str(file), format="onnx", verbose=False, input_signature=[taken])
        graph: bytes = _without_erfc(onnx.load(file)).SerializeToString()
    return graph


def _without_erfc(model: onnx.ModelProto) -> onnx.ModelProto:
    """Write TensorFlow's Erfc, which GELU has and ONNX has not, as 1 - Erf."""
    nodes, one = list(model.graph.node), "one of erfc"
    if all(node.op_type != "Erfc" for node in nodes):
        return model
    del model.graph.node[:]
    for node in nodes:
        if node.op_type == "Erfc":
            found = f"{node.output[0]} erf"
            model.graph.node.append(onnx.helper.make_node("Erf", node.input, [found]))
            node = onnx.helper.make_node("Sub", [one, found], node.output)  # noqa: PLW2901
        model.graph.node.append(node)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, np.float32), one))
    return model


def _difference(model_file: Path, graph: bytes, tokens: np.ndarray) -> str:
    """Return why the form is not the network, nothing where it is."""
    found, expected = (
        of_each(network(tokens)) for network in (onnx_network(graph), keras_network(model_file))
    )
    most = float(np.abs(found - expected).max())
    return "" if most <= TOLERANCE else f"its probabilities differ from Keras's by {most:.2g}"
