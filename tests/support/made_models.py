"""Networks with lively weights, and runs that hold them: trained ones in all but their score."""

import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tasks.config.training import ConvBilstmConfig, TokenizerName
from tasks.data.text.subwords import learn_subwords
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.abstention import Abstention
from tasks.model.build import build_network
from tasks.runs.find import Run
from tests.support.made_runs import FIRST, changed_json, make_run, rewritten
from tests.support.small_run import BAD, GOOD, OTHER, small_config

WORDS = [*OTHER, *GOOD, *BAD]

ABSTENTION_THERE = Abstention(reviews=100, thresholds=tuple(np.linspace(0.45, 0.82, 491).tolist()))
"""What runs that are made here know of it, up to the level 0.99."""

_MOST_TOKENS = 36
"""What the small network knows, without the reserved ids."""


def lively(model: Any, scale: float = 1.5) -> Any:
    """Give a Keras model weights of which every one matters; return the model."""
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, scale, weight.shape) for weight in model.get_weights()])
    return model


def small_network(maxlen: int = 12, classes: int = 2, **sizes: int) -> Any:
    """Return the network of `small_config` with lively weights."""
    config = small_config(Path("reviews.csv"))
    network = ConvBilstmConfig.model_validate(config.network.model_dump() | sizes)
    return lively(build_network(config.text.num_words, maxlen, network, classes))


def made_vocabulary(tokenizer: TokenizerName = "words") -> Vocabulary:
    """Return a vocabulary that fits the small network, of the words that reviews are made of."""
    if tokenizer == "words":
        return Vocabulary(WORDS)
    characters = [" ", *sorted({*"".join(WORDS)})]
    if tokenizer == "characters":
        return Vocabulary(characters, tokenizer)
    pieces, merges = learn_subwords([WORDS], characters, _MOST_TOKENS)
    return Vocabulary(pieces, tokenizer, merges)


def make_model_run(
    artifacts: Path,
    run_id: str = FIRST,
    classes: int = 2,
    tokenizer: TokenizerName = "words",
    **changes: Any,
) -> Run:
    """Write a run folder whose model, of so many labels, and vocabulary can predict."""
    run = make_run(artifacts, run_id, **changes)
    if tokenizer != "words":
        run = changed_json(run, "config.json", {"text": {"tokenizer": tokenizer, "num_words": 100}})
    if classes > 2:
        names = [f"label {number}" for number in range(classes)]
        run = changed_json(run, "data_report.json", {"label_names": names})
    file = artifacts / "vocabulary.json"
    made_vocabulary(tokenizer).write(file)
    run = rewritten(run, "vocabulary.json", file.read_bytes())
    file.unlink()
    abstention = ABSTENTION_THERE.model_dump_json().encode()
    run = rewritten(run, "abstention.json", abstention)
    return rewritten(run, "best_model.keras", small_model(classes))


@cache
def small_model(classes: int = 2) -> bytes:
    """Return the content of the file of the small network, which takes a second to make."""
    # Of many labels the few units of the small config would give one answer to all texts.
    sizes = {"lstm_units": 6, "last_lstm_units": 6} if classes > 2 else {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        small_network(classes=classes, **sizes).save(file)
        return file.read_bytes()


def write_trap(file: Path) -> Path:
    """Write a model that makes a file when its code runs; return that file."""
    trap = file.with_name("trap")
    code = eval(f"lambda x: (__import__('pathlib').Path({str(trap)!r}).touch(), x)[1]")
    layers = [keras.Input((12,)), keras.layers.Lambda(code), keras.layers.Dense(1)]
    keras.Sequential(layers).save(file)
    trap.unlink(missing_ok=True)
    return trap


def with_parts(source: Path, target: Path, **parts: bytes) -> Path:
    """Copy a zip with other contents of some parts; `_` in a name stands for a dot."""
    changed = {name.replace("_", "."): content for name, content in parts.items()}
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, changed.get(name) or old.read(name))
    return target
