"""Try a user's network on made-up reviews: does all that is promised of a network hold for it?"""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from tasks import steps
from tasks.common.artifact_store import ArtifactStore, Fact, StepOutput
from tasks.common.device import CPU, error_output_to
from tasks.common.errors import NetworkError, PipelineError, first_line
from tasks.common.records import Record
from tasks.config.training import (
    DataConfig,
    FitConfig,
    OwnNetworkConfig,
    ProtocolConfig,
    SourceConfig,
    TextConfig,
)
from tasks.data.text.vocabulary import Vocabulary
from tasks.inference.bundle.export import write_forms
from tasks.inference.predictor import TrainedModel
from tasks.model.network import keras_model
from tasks.model.own.code import NetworkCode, read_network_code
from tasks.model.own.trust import trust_code
from tasks.model.own.vectors_file import vectors_file
from tasks.training.datasets import ordered_batches
from tasks.training.plan import TrainingPlan
from tasks.training.step import trained_form
from tasks.training.train import train_model

_WORDS = {
    "good": "fine lovely great warm",
    "bad": "dull weak poor cold",
    "fair": "plain even usual",
}
_OTHERS = "the film plot cast was and scene music ending of a with"
_REVIEWS = 160

_TEXT = TextConfig(num_words=60, maxlen=48)
_FIT = FitConfig(epochs=3, batch_size=16, learning_rate=0.01, training_step="keras")

_MOST_SECONDS = 600
_SAVED, _STEPS = 2, 40
_ASKED = ("fine", "dull")

_ASK = """\
import sys, tensorflow as tf
model = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answers = model(text=tf.constant(sys.argv[2:]))
print(*(label.decode() for label in answers["label"].numpy()))
"""


class Guarantee(Record):
    """One thing that is promised of a network, whether it holds for this one, and what was seen."""

    name: str
    holds: bool
    seen: str
    seconds: float


def tried_guarantees(network: OwnNetworkConfig) -> Iterator[Guarantee]:
    """Yield each guarantee once it is known; what cannot be tried without one is left out.

    Raises:
        NetworkError: The code cannot be used at all.
        BadDataError: The file of vectors cannot be used.
    """
    code = read_network_code(network)
    trust_code(code.sha256)
    with tempfile.TemporaryDirectory(prefix="check-network-") as folder:
        three = _Trial(Path(folder, "3"), code, network, ("bad", "fair", "good"))
        trial = _Trial(Path(folder, "2"), code, network, ("bad", "good"))
        for one, labels in ((three, "three"), (trial, "two")):
            built = _tried(f"built for {labels} labels, and read again", one.describe)
            yield built
            if not built.holds:
                return
        yield _tried("learns one batch by heart", trial.learn_by_heart)
        yield _tried("equal seeds give equal trainings", trial.train_twice)
        yield _tried("killed by SIGKILL, resumes bit for bit", trial.kill_and_resume)
        yield _tried("all forms of a bundle agree", trial.compare_forms)
        yield _tried("answers in a fresh process without its code", trial.ask_fresh_process)


def _tried(name: str, look: Callable[[], str]) -> Guarantee:
    began = time.monotonic()
    try:
        seen, holds = look(), True
    except PipelineError as error:
        seen, holds = str(error), False
    except Exception as error:
        seen, holds = f"{type(error).__name__}: {first_line(error)}", False
    return Guarantee(name=name, holds=holds, seen=seen, seconds=time.monotonic() - began)


class _Trial:
    """A network, built for made-up reviews of some labels in a folder of its own."""

    def __init__(
        self, folder: Path, code: NetworkCode, network: OwnNetworkConfig, labels: tuple[str, ...]
    ) -> None:
        folder.mkdir()
        self._folder, self._code, self._network = folder, code, network
        self._labels = labels

    @cached_property
    def _store(self) -> ArtifactStore:
        return ArtifactStore(self._folder / "artifacts").open()

    @cached_property
    def _loaded(self) -> StepOutput:
        file = self._folder / "reviews.csv"
        file.write_text("\n".join(["text,label", *_reviews(self._labels)]) + "\n")
        files = steps.fetch(self._store, SourceConfig(train_file=file))
        return steps.load(self._store, files, DataConfig(row_group_rows=64))

    @cached_property
    def _persisted(self) -> StepOutput:
        padded = steps.pad(self._store, self._loaded, _TEXT, ProtocolConfig())
        return steps.persist(self._store, padded, 64)

    @cached_property
    def _built(self) -> StepOutput:
        sizes, vectors = (_TEXT.num_words, _TEXT.maxlen), vectors_file(self._network)
        return steps.build_own(self._store, self._loaded, *sizes, self._code, 0, CPU, vectors)

    @cached_property
    def _trained(self) -> dict[str, Fact]:
        return dict(train_model(self._plan("whole")))

    @property
    def _model(self) -> Path:
        assert self._trained
        return self._folder / "whole/best_model.keras"

    @property
    def _bundle(self) -> Path:
        return self._folder / "bundle"

    def _plan(self, name: str, fit: FitConfig = _FIT) -> TrainingPlan:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return TrainingPlan(
            initial_model=self._store.file(self._built, "initial_model.keras"),
            train=self._store.file(self._persisted, "train.parquet"),
            validation=self._store.file(self._persisted, "validation.parquet"),
            network=None,
            fit=fit,
            folder=folder,
            state=self._folder / f"{name}-state",
            save_every_steps=3,
        )

    def describe(self) -> str:
        """Build the network, with all that is checked then."""
        return f"{self._built.facts['parameters']:,} parameters"

    def learn_by_heart(self) -> str:
        """Train on the same reviews again and again."""
        plan = self._plan("heart")
        model = trained_form(keras_model(plan.initial_model), "keras", _FIT)
        batch = next(iter(ordered_batches(plan.train, _REVIEWS)))
        losses = [float(model.train_on_batch(*batch)[0]) for _ in range(_STEPS)]
        seen = f"the loss goes from {losses[0]:.3f} to {losses[-1]:.3f} in {_STEPS} steps"
        if losses[-1] > losses[0] / 2:
            raise NetworkError(f"{seen}: look for a layer that passes on no gradient")
        return seen

    def train_twice(self) -> str:
        """Train again, and compare weights and losses."""
        return self._require_same(train_model(self._plan("again")))

    def kill_and_resume(self) -> str:
        """Train in another process, kill that, resume here, and compare weights and losses."""
        plan = self._plan("killed")
        child = multiprocessing.get_context("spawn").Process(target=train_model, args=(plan,))
        with _unheard():
            child.start()
        end = time.monotonic() + _MOST_SECONDS
        while child.is_alive() and time.monotonic() < end and len(_places(plan)) < _SAVED:
            time.sleep(0.01)
        child.kill()
        child.join()
        places = _places(plan)
        if child.exitcode != -signal.SIGKILL or not places:
            raise NetworkError(
                f"a training in a process of its own ended with {child.exitcode}, or saved nothing"
                f" in {_MOST_SECONDS} s, so that it could not be killed in the middle"
            )
        return f"from {places[-1]}: {self._require_same(train_model(plan))}"

    def _require_same(self, facts: dict[str, Fact]) -> str:
        if facts != self._trained:
            raise NetworkError("another training with the same seed has other weights or losses")
        return f"weights {str(self._trained['last_weights_hash'])[:12]} again"

    @cached_property
    def _differences(self) -> dict[str, float]:
        model = TrainedModel(
            name="check",
            file=self._model,
            vocabulary=Vocabulary.read(self._store.file(self._loaded, "vocabulary.json")),
            text=_TEXT,
            label_names=self._labels,
            content_hash="",
        )
        self._bundle.mkdir()
        with _unheard():
            return write_forms(model, self._bundle, litert=True)

    def compare_forms(self) -> str:
        """Compare what Keras, SavedModel, LiteRT and perhaps ONNX Runtime answer."""
        pairs = (f"{name} by {value:.1g}" for name, value in self._differences.items())
        return f"probabilities differ from Keras's: {', '.join(pairs)}"

    def ask_fresh_process(self) -> str:
        """Ask the SavedModel in a process that knows neither this project nor the user's file."""
        assert self._differences
        program = [sys.executable, "-I", "-c", _ASK, str(self._bundle / "saved_model"), *_ASKED]
        answered = subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603 - our own
        if answered.returncode:
            raise NetworkError(f"a fresh process fails: {answered.stderr.strip().splitlines()[-1]}")
        return f"answers {' and '.join(answered.stdout.split())} to {' and '.join(_ASKED)}"


@contextmanager
def _unheard() -> Iterator[None]:
    """Leave out of the error output what TensorFlow writes there during the block."""
    with Path(os.devnull).open("wb") as nothing, error_output_to(nothing):
        yield


def _reviews(labels: tuple[str, ...]) -> Iterator[str]:
    chance = random.Random(0)  # noqa: S311 - made-up words
    for row in range(_REVIEWS):
        label = labels[row % len(labels)]
        words = [chance.choice(_OTHERS.split()) for _ in range(chance.randint(3, 30))]
        words += [chance.choice(_WORDS[label].split()) for _ in range(3)]
        chance.shuffle(words)
        yield f"{' '.join(words)} {row},{label}"


def _places(plan: TrainingPlan) -> list[str]:
    """Return the names of what a training has saved of itself."""
    assert plan.state is not None
    return sorted(path.name for path in plan.state.glob("epoch-*"))
