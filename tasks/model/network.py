"""Compute a trained network on padded tokens: without Keras where that is possible.

Whatever asks a trained model, an evaluation, a re-scoring, a measurement or a prediction, asks a
`Network` of this module.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from tasks.common.device import CPU, Device, processor_cores, set_libraries_up, use_device
from tasks.common.errors import AcceleratorError, BadDataError, PipelineError, first_line
from tasks.model.answers import probabilities_of
from tasks.model.keras_archive import read_keras_archive, stored_onnx
from tasks.model.ngrams.table import Explain, NgramTable, is_ngram_bag
from tasks.model.onnx_graph import INPUT, NotFoldableError, folded_graph

if TYPE_CHECKING:
    import keras

_REVIEWS_AT_ONCE = 16
"""What ONNX Runtime computes in one go: small enough for the processor's cache."""

_ROWS_PER_THREAD = 256

_KERAS_BATCH = 256

_MOST_STEPS = 1024

TOLERANCE = 1e-5
"""Difference of probability that the forms of a model may have."""


@dataclass(frozen=True)
class Network:
    """A trained network, and the name of the device that computes it.

    May be called by several threads at once, see `in_threads`. `table` is there where the network
    is a sum of what its n-grams add.
    """

    compute: Callable[[np.ndarray], np.ndarray]
    device: str = CPU.name
    one_thread_each: bool = True
    table: NgramTable | None = None

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """Return float32 probabilities of n reviews for int32 tokens of shape (n, maxlen).

        See `tasks.model.answers` for their shape.
        """
        return self.compute(tokens)

    def on_all_cores(self, tokens: np.ndarray) -> np.ndarray:
        """Return the same, computed by as many threads as there are processor cores."""
        rows = _ROWS_PER_THREAD if self.one_thread_each else max(len(tokens), 1)
        parts = [tokens[start : start + rows] for start in range(0, max(len(tokens), 1), rows)]
        return np.concatenate(list(in_threads(self.compute, parts)))


T = TypeVar("T")
R = TypeVar("R")


def in_threads(function: Callable[[T], R], parts: Sequence[T]) -> Iterator[R]:
    """Yield what a function makes of each part, in order, computed on all processor cores."""
    if len(parts) <= 1:
        yield from map(function, parts)
        return
    with ThreadPoolExecutor(processor_cores()) as pool:
        yield from pool.map(function, parts)


def open_network(model_file: Path, device: Device = CPU, batch_size: int = _KERAS_BATCH) -> Network:
    """Return the network of a `.keras` file whose hash was checked, as predictions compute it.

    Where Keras has to compute, it does so on `device`, so many reviews at a time; else the
    processor computes.
    """
    try:
        return folded_network(model_file)
    except NotFoldableError:
        use_device(device)
        return keras_network(model_file, batch_size, device)


def folded_network(model_file: Path) -> Network:
    """Return the network without Keras: in NumPy that of n-grams, else by ONNX Runtime.

    A NotFoldableError says that only Keras can compute it.
    """
    if stored := stored_onnx(model_file):
        return onnx_network(stored)
    archive = read_keras_archive(model_file)
    if is_ngram_bag(archive):
        return ngram_network(NgramTable.of(archive))
    return onnx_network(folded_graph(archive).SerializeToString())


def ngram_network(table: NgramTable) -> Network:
    """Return the network that adds up the rows of this table."""
    return Network(lambda tokens: probabilities_of(table(tokens)), table=table)


def ngram_table(model_file: Path) -> NgramTable | None:
    """Return the sums of an n-gram network, None for a file of any other network."""
    if stored_onnx(model_file):
        return None
    archive = read_keras_archive(model_file)
    return NgramTable.of(archive) if is_ngram_bag(archive) else None


def onnx_form(model_file: Path) -> bytes:
    """Return the network as an ONNX graph: that in its file, else the folded one.

    A NotFoldableError says that there is none.
    """
    stored = stored_onnx(model_file)
    return stored or folded_graph(read_keras_archive(model_file)).SerializeToString()


def onnx_network(graph: bytes) -> Network:
    """Return the network of an ONNX graph with the input `tokens`.

    One call uses one thread: threads inside an operation would mostly wait for each other.
    """
    set_libraries_up()
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def network(tokens: np.ndarray) -> np.ndarray:
        outputs = [np.empty((0, session.get_outputs()[0].shape[1]), np.float32)]
        for start in range(0, len(tokens), _REVIEWS_AT_ONCE):
            part = tokens[start : start + _REVIEWS_AT_ONCE]
            outputs.append(session.run(None, {INPUT: part})[0])
        return probabilities_of(np.concatenate(outputs))

    return Network(network)


def keras_model(model_file: Path) -> keras.Model:
    """Return the model of a `.keras` file whose hash was checked, not compiled.

    A BadDataError says that Keras cannot load it, or that it holds code that its safe mode does
    not run; a NetworkError that it needs a user's code that is not trusted here.
    """
    loading, _ = _of_keras()
    try:
        model = loading.load_with_code(model_file)
    except PipelineError:
        raise
    except Exception as error:  # Keras raises what its layers raise
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's fault, which may pass
        raise BadDataError(
            f"{model_file} was not loaded: Keras's safe mode refuses it ({first_line(error)})"
        ) from None

    for variable in model.variables:
        if not np.isfinite(variable.numpy()).all():
            raise BadDataError(f"{model_file}: {variable.path} holds NaN or infinite weights")
    return model


def word_gradients(model_file: Path, most_steps: int = _MOST_STEPS) -> Explain:
    """Return what says of each token what it adds to the answer of a network of Keras's.

    More steps take more time, and leave a smaller gap. A NetworkError says that no embedding of the
    network takes the words' ids, a BadDataError or a NetworkError that the file is not loaded, as
    of `keras_model`.
    """
    with suppress(AcceleratorError):  # what this process has chosen before will do
        use_device(CPU)
    _, word_gradients = _of_keras()
    explain: Explain = word_gradients.WordGradients(keras_model(model_file), most_steps)
    return explain


def _of_keras() -> tuple[ModuleType, ModuleType]:
    """Return what loads a model and what explains it: to import Keras takes some seconds."""
    from tasks.model.own import loading, word_gradients

    return loading, word_gradients


def keras_network(
    model_file: Path, batch_size: int = _KERAS_BATCH, device: Device = CPU
) -> Network:
    """Return the network as Keras computes it, on the `device` that was chosen by `use_device`.

    `batch_size` changes the speed, and the last bits of a probability. A BadDataError says that
    Keras cannot load it, or that it holds code that its safe mode does not run.
    """
    model = keras_model(model_file)
    one_at_a_time = threading.Lock()

    def network(tokens: np.ndarray) -> np.ndarray:
        with one_at_a_time:
            outputs: np.ndarray = model.predict(tokens, batch_size=batch_size, verbose=0)
        return probabilities_of(outputs)

    return Network(network, device.name, one_thread_each=False)
