"""Export the network for LiteRT (TensorFlow Lite), for phones: token ids in, probability out.

See https://ai.google.dev/edge/litert. A text has to be made token ids by the caller, one at a time.
"""

import threading
import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tasks.common.device import select_accelerator, use_device
from tasks.inference.predictor import TrainedModel
from tasks.model.answers import probabilities_of
from tasks.model.network import Network, keras_model


def write_litert(model: TrainedModel, file: Path) -> None:
    """Write the network of a model: input int32 (1, maxlen), output float32 (1, numbers)."""
    use_device(select_accelerator("cpu"))
    network = keras_model(model.file)
    signature = tf.TensorSpec((1, model.text.maxlen), tf.int32, name="tokens")
    function = tf.function(lambda tokens: network(tokens, training=False), [signature])
    # LiteRT cannot read variables inside the loop of an LSTM.
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    file.write_bytes(converter.convert())


def litert_network(file: Path) -> Network:
    """Return the network of a file of `write_litert`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it moves to a package of its own, not available yet
        interpreter = tf.lite.Interpreter(str(file))
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    answer = interpreter.get_output_details()[0]
    target, width = answer["index"], answer["shape"][1]

    one_at_a_time = threading.Lock()

    def network(tokens: np.ndarray) -> np.ndarray:
        outputs = np.empty((len(tokens), width), np.float32)
        with one_at_a_time:
            for row, review in enumerate(tokens):
                interpreter.set_tensor(source, review[None])
                interpreter.invoke()
                outputs[row] = interpreter.get_tensor(target)[0]
        return probabilities_of(outputs)

    return Network(network)
