"""Build: the network of the config, with its seeded first weights."""

import io
import logging
from pathlib import Path
from typing import Any, NamedTuple

import keras

from tasks.common.artifact_store import Fact
from tasks.common.atomic_files import whole_file, write_text
from tasks.common.seeds import generator
from tasks.config.training import NetworkConfig, NgramBagConfig
from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.data.text.vocabulary import Vocabulary
from tasks.model.answers import output_count
from tasks.model.architectures import ARCHITECTURES
from tasks.model.model_hash import model_hash
from tasks.model.own.build import build_own_network
from tasks.model.own.code import NetworkCode
from tasks.model.own.network_input import NetworkInput
from tasks.model.own.vectors import read_vectors, share_of_tokens
from tasks.model.own.vectors_file import VectorsFile

_LOG = logging.getLogger(__name__)

_BYTES_IN_TRAINING = 28
"""At most at a time for each parameter, as one is saved: measured for 20 and for 80 labels."""

_BYTES_ON_DISK = 4

MUCH = 2
"""Gigabytes from which on a user is told."""


def build_network(
    num_words: int, maxlen: int, network: NetworkConfig, classes: int = 2
) -> keras.Model:
    """Return the uncompiled network of the architecture that `network` names.

    Input int32 (batch, maxlen), output float32 as of `probability_layer`.
    """
    return ARCHITECTURES[network.architecture].build(num_words, maxlen, network, classes)


def with_own_seeds(model: keras.Model, seed: int) -> keras.Model:
    """Return a new network, with a seed of its own for each first weight and random layer.

    Keras would draw these seeds from Python's global generator, from which the threads of other
    libraries draw as well: now and then the weights would differ. See also `with_own_names`.
    """
    config = with_own_names(model.get_config())
    return type(model).from_config(_seeded(config, seed, "first weights"))


def with_own_names(config: dict[str, Any]) -> dict[str, Any]:
    """Return a model's config with its operations numbered within the model.

    Layers have explicit names here; to operations Keras gives names that count those of the
    process, by which equal networks would have different configs and hashes.
    """
    layers = config["layers"]
    operations = [layer["config"]["name"] for layer in layers if ".ops." in layer["module"]]
    names = {name: f"operation_{number}" for number, name in enumerate(operations)}
    renamed: dict[str, Any] = _renamed(config, names)
    return renamed


def _renamed(config: Any, names: dict[str, str]) -> Any:  # noqa: ANN401 - Keras's nested config
    if isinstance(config, str):
        return names.get(config, config)
    if isinstance(config, dict):
        return {name: _renamed(part, names) for name, part in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_renamed(part, names) for part in config)
    return config


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
    num_words: int,
    maxlen: int,
    network: NetworkConfig,
    seed: int,
    folder: Path,
    classes: int = 2,
) -> dict[str, Fact]:
    """Write `initial_model.keras`, not compiled, and `model_summary.txt`.

    The seed is that of Python, NumPy, TensorFlow and of each random layer and first weight. The
    facts are the number of parameters, and the hash of architecture and weights.
    """
    keras.utils.set_random_seed(seed)
    model = with_own_seeds(build_network(num_words, maxlen, network, classes), seed)
    _warn_of_size(model.count_params(), network, classes)
    with whole_file(folder / "initial_model.keras") as temporary:
        model.save(temporary)
    parameters = _describe(model, network.architecture, folder)
    return {"parameters": parameters, "model_hash": model_hash(model)}


def _warn_of_size(parameters: int, network: NetworkConfig, classes: int) -> None:
    """Say what a large network costs before it is written and trained, and what would be less."""
    gigabytes = parameters * _BYTES_IN_TRAINING / 1e9
    if gigabytes <= MUCH:
        return
    less = ""
    if isinstance(network, NgramBagConfig):
        less = f"; --ngram-buckets {buckets_within(1, classes)} takes less than 1 GB"
    _LOG.warning(
        "training this network takes about %.0f GB of memory for its %d labels, and each of its"
        " models %.1f GB on the disk%s",
        gigabytes,
        classes,
        parameters * _BYTES_ON_DISK / 1e9,
        less,
    )


def buckets_within(gigabytes: float, classes: int) -> int:
    """Return the largest power of two of n-grams' buckets whose training takes no more memory."""
    in_bucket = 1 + 2 * output_count(classes)  # fingerprint, ratios and weights
    most = int(gigabytes * 1e9 / _BYTES_IN_TRAINING / in_bucket)
    return 1 << (most.bit_length() - 1)


class KnownReviews(NamedTuple):
    """What is known of the reviews that a user's network is built for."""

    train: Path
    vocabulary: Path
    num_words: int
    maxlen: int
    classes: int


def build_users_model(
    code: NetworkCode,
    reviews: KnownReviews,
    seed: int,
    folder: Path,
    vectors: VectorsFile | None = None,
) -> dict[str, Fact]:
    """Write what `build_model` does, of a user's network, with its code in the model's file.

    Where there is a file of vectors, the facts have also how many words the network knows, how many
    of these have a vector of the file, and the share of the training reviews' words that does.

    Raises:
        NetworkError: The network would break a promise.
        BadDataError: The file of vectors cannot be used.
    """
    known = Vocabulary.read(reviews.vocabulary).known(reviews.num_words)
    words = [*[None] * FIRST_WORD_ID, *known]
    words += [None] * (reviews.num_words - len(words))
    found = read_vectors(vectors.path, words, seed) if vectors else None
    data = NetworkInput(
        num_words=reviews.num_words,
        maxlen=reviews.maxlen,
        classes=reviews.classes,
        seed=seed,
        words=tuple(words),
        vectors=found.vectors if found else None,
    )
    model = build_own_network(code, data, folder / "initial_model.keras")
    facts: dict[str, Fact] = {
        "parameters": _describe(model, code.called, folder),
        "model_hash": model_hash(model, code.sha256),
    }
    if found:
        share = round(share_of_tokens(reviews.train, found.ids), 6)
        _LOG.info(
            "%d of the %d words have a vector of the file; these are %.1f %% of the training texts",
            *(len(found.ids), len(known), 100 * share),
        )
        facts |= {
            "known_words": len(known),
            "words_with_vector": len(found.ids),
            "tokens_with_vector": share,
        }
    return facts


def _describe(model: keras.Model, name: str, folder: Path) -> int:
    """Write `model_summary.txt` and return the number of parameters."""
    summary = io.StringIO()
    model.summary(print_fn=lambda line: summary.write(line + "\n"), line_length=80)
    write_text(folder / "model_summary.txt", summary.getvalue())
    parameters: int = model.count_params()
    layers = len(model.layers)
    _LOG.info("the network %s: %d layers, %s parameters", name, layers, f"{parameters:,}")
    return parameters
