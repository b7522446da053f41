"""Build: the tutorial's network from the config, with its seeded first weights."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

from tasks.atomic_files import whole_file, write_text
from tasks.model_hash import model_hash
from tasks.seeds import generator

if TYPE_CHECKING:
    from pathlib import Path

    import keras

    from tasks.artifact_store import Fact
    from tasks.training_config import NetworkConfig

_LOG = logging.getLogger(__name__)


def build_network(num_words: int, maxlen: int, network: NetworkConfig) -> keras.Sequential:
    """Return the uncompiled network.

    Input int32 (batch, maxlen), output float32 (batch, 1), the probability of label 1.
    With the defaults the convolution gives (batch, 196, 64), the pooling (batch, 49, 64),
    and there are 2,171,393 parameters.
    """
    import keras
    from keras import layers

    # Explicit names: automatic ones count the models of the process and so never repeat.
    return keras.Sequential(
        [
            keras.Input((maxlen,), dtype="int32", name="tokens"),
            layers.Embedding(num_words, network.embedding_dim, name="embedding"),
            layers.Dropout(network.dropout, name="word_dropout"),
            layers.Conv1D(
                network.filters,
                network.kernel_size,
                strides=1,
                padding="valid",
                activation="relu",
                name="convolution",
            ),
            layers.MaxPooling1D(network.pool_size, name="pooling"),
            layers.Bidirectional(
                layers.LSTM(network.lstm_units, return_sequences=True, name="first_lstm"),
                name="first_bidirectional",
            ),
            layers.Dropout(network.dropout, name="sequence_dropout"),
            layers.Bidirectional(
                layers.LSTM(network.last_lstm_units, name="last_lstm"), name="last_bidirectional"
            ),
            layers.Dense(1, activation="sigmoid", name="probability"),
        ],
        name="sentiment",
    )


def with_own_seeds(model: keras.Sequential, seed: int) -> keras.Sequential:
    """Return the network anew, with a seed of its own for each first weight and random layer.

    Keras would draw these seeds from Python's global generator, from which the threads of
    other libraries draw as well: now and then the weights would differ.
    """
    import keras

    return keras.Sequential.from_config(_seeded(model.get_config(), seed, "first weights"))


def _seeded(config: Any, seed: int, place: str) -> Any:  # noqa: ANN401 - Keras's nested config
    if isinstance(config, list):
        return [_seeded(part, seed, f"{place}/{index}") for index, part in enumerate(config)]
    if not isinstance(config, dict):
        return config
    seeded = {name: _seeded(part, seed, f"{place}/{name}") for name, part in config.items()}
    if "seed" in config:
        seeded["seed"] = int(generator(seed, place).integers(2**31))
    return seeded


def build_model(
    num_words: int, maxlen: int, network: NetworkConfig, seed: int, folder: Path
) -> dict[str, Fact]:
    """Write `initial_model.keras`, not compiled, and `model_summary.txt`.

    Args:
        num_words: Size of the vocabulary, and of the Embedding.
        maxlen: Tokens per review.
        network: Sizes of the layers.
        seed: Seed of Python, NumPy, TensorFlow and of each random layer and first weight.
        folder: Where to write.

    Returns:
        Facts: number of parameters, and the hash of architecture and weights.
    """
    import keras

    keras.utils.set_random_seed(seed)
    model = with_own_seeds(build_network(num_words, maxlen, network), seed)
    with whole_file(folder / "initial_model.keras") as temporary:
        model.save(temporary)
    summary = summary_text(model)
    write_text(folder / "model_summary.txt", summary)
    _LOG.info("the network:\n%s", summary)
    return {"parameters": model.count_params(), "model_hash": model_hash(model)}


def summary_text(model: keras.Model) -> str:
    """Return what `model.summary()` prints, in a fixed width."""
    text = io.StringIO()
    model.summary(print_fn=lambda line: text.write(line + "\n"), line_length=80)
    return text.getvalue()
