"""Try a network on made-up reviews: does all that is promised of a network hold for it?"""

import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

from tasks import steps
from tasks.common.artifact_store import ArtifactStore, Fact, StepOutput
from tasks.common.device import CPU, error_output_to
from tasks.common.errors import NetworkError, PipelineError, first_line
from tasks.common.records import Record
from tasks.config.training import (
    DataConfig,
    FitConfig,
    NetworkConfig,
    OwnNetworkConfig,
    ProtocolConfig,
    SourceConfig,
    TextConfig,
)
from tasks.data.text.tokenization import BY_WORDS
from tasks.data.text.vocabulary import Vocabulary
from tasks.inference.bundle.export import write_forms
from tasks.inference.predictor import TrainedModel
from tasks.model.own.code import read_network_code
from tasks.model.own.trust import trust_code
from tasks.model.own.vectors_file import vectors_file
from tasks.training.one_batch import learn_by_heart
from tasks.training.plan import TrainingPlan
from tasks.training.train import train_model, train_with_forms

_WORDS = {
    "good": "fine lovely great warm",
    "bad": "dull weak poor cold",
    "fair": "plain even usual",
}
_OTHERS = "the film plot cast was and scene music ending of a with"
_REVIEWS = 160

_NUM_WORDS = 60
_FIT = FitConfig(epochs=3, batch_size=16, learning_rate=0.01, training_step="keras")

_MOST_SECONDS = 600
_SAVED, _STEPS = 2, 40
_ASKED = ("fine", "dull")

_FRESH = """\
import pickle, sys
# Keras would import both, for two seconds.
sys.modules["sklearn"] = sys.modules["matplotlib"] = None
import tensorflow as tf
del sys.modules["sklearn"], sys.modules["matplotlib"]

def ask(folder, *texts):
    model = tf.saved_model.load(folder).signatures["serving_default"]
    labels = model(text=tf.constant(texts))["label"].numpy()
    print(*(label.decode() for label in labels), flush=True)

def train(modules, plan):
    sys.path = modules
    from tasks.training.train import train_model
    train_model(pickle.loads(plan))

while True:
    name, *given = pickle.load(sys.stdin.buffer)
    globals()[name](*given)
"""


class Guarantee(Record):
    """One thing that is promised of a network, whether it holds for this one, and what was seen."""

    name: str
    holds: bool
    seen: str
    seconds: float


def tried_guarantees(network: NetworkConfig, maxlen: int) -> Iterator[Guarantee]:
    """Yield each guarantee once it is known; what cannot be tried without one is left out.

    The reviews are padded to `maxlen` words, of which they have 6 to 33.

    Raises:
        NetworkError: The code of a user's network cannot be used at all.
        BadDataError: The file of vectors cannot be used.
    """
    if isinstance(network, OwnNetworkConfig):
        trust_code(read_network_code(network).sha256)
    text = TextConfig(num_words=_NUM_WORDS, maxlen=maxlen)
    with tempfile.TemporaryDirectory(prefix="check-network-") as folder:
        three = _Trial(Path(folder, "3"), network, text, ("bad", "fair", "good"))
        trial = _Trial(Path(folder, "2"), network, text, ("bad", "good"))
        for one, labels in ((three, "three"), (trial, "two")):
            built = tried(f"built for {labels} labels, and read again", one.describe)
            yield built
            if not built.holds:
                return
        with _FreshProcess(Path(folder)) as fresh:  # it starts while this one trains
            yield tried("learns one batch by heart", trial.learn_by_heart)
            yield tried("all forms of a bundle agree", trial.compare_forms)
            yield tried("answers in a fresh process without its code", lambda: trial.ask(fresh))
            yield tried("killed by SIGKILL, resumes bit for bit", lambda: trial.resume(fresh))
        yield tried("equal seeds give equal trainings", trial.train_twice)


def tried(name: str, look: Callable[[], str]) -> Guarantee:
    """Return what `look` has seen, or why that does not hold."""
    began = time.monotonic()
    try:
        seen, holds = look(), True
    except PipelineError as error:
        seen, holds = str(error), False
    except Exception as error:
        seen, holds = f"{type(error).__name__}: {first_line(error)}", False
    return Guarantee(name=name, holds=holds, seen=seen, seconds=time.monotonic() - began)


class _FreshProcess:
    """A Python that knows neither this project nor the user's file, until it is to train."""

    def __init__(self, folder: Path) -> None:
        self._errors = folder / "errors.txt"
        self._process = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._errors.open("wb") as errors:
            return subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-I", "-c", _FRESH],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def do(self, name: str, *given: object) -> None:
        """Have it call one of its functions, in a new one where the last one failed."""
        if self.ended:
            self._process = self._started()
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it ends, and says why in its error output
            pickle.dump((name, *given), self._process.stdin)
            self._process.stdin.flush()

    def answer(self) -> str:
        """Return the line that it writes next."""
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            self._process.wait()
            raise NetworkError(f"a fresh process fails: {self.complaint}")
        return line.decode().strip()

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    @property
    def complaint(self) -> str:
        """The last line of its error output."""
        return (self._errors.read_text(errors="replace").splitlines() or ["no word of it"])[-1]

    def kill(self) -> int:
        """End it by SIGKILL and return its status."""
        self._process.kill()
        self._process.communicate()
        return self._process.returncode


class _Trial:
    """A network, built for made-up reviews of some labels in a folder of its own."""

    def __init__(
        self, folder: Path, network: NetworkConfig, text: TextConfig, labels: tuple[str, ...]
    ) -> None:
        folder.mkdir()
        self._folder, self._network, self._text, self._labels = folder, network, text, labels
        self._resumed: dict[str, Fact] | None = None

    @cached_property
    def _store(self) -> ArtifactStore:
        return ArtifactStore(self._folder / "artifacts").open()

    @cached_property
    def _loaded(self) -> StepOutput:
        file = self._folder / "reviews.csv"
        file.write_text("\n".join(["text,label", *_reviews(self._labels)]) + "\n")
        files = steps.fetch(self._store, SourceConfig(train_file=file))
        return steps.load(self._store, files, DataConfig(row_group_rows=64), BY_WORDS)

    @cached_property
    def _persisted(self) -> StepOutput:
        padded = steps.pad(self._store, self._loaded, self._text, ProtocolConfig())
        return steps.persist(self._store, padded, 64)

    @cached_property
    def _built(self) -> StepOutput:
        sizes, network = (self._text.num_words, self._text.maxlen), self._network
        if not isinstance(network, OwnNetworkConfig):
            labels = steps.LabelCount.of(self._loaded)
            return steps.build(self._store, *sizes, network, 0, CPU, labels)
        code, vectors = read_network_code(network), vectors_file(network)
        return steps.build_own(self._store, self._loaded, *sizes, code, 0, CPU, vectors)

    @cached_property
    def _trained(self) -> dict[str, Fact]:
        return dict(train_with_forms(self._plan("whole")))

    @property
    def _model(self) -> Path:
        assert self._trained
        return self._folder / "whole/best_model.keras"

    @property
    def _bundle(self) -> Path:
        return self._folder / "bundle"

    def _plan(self, name: str) -> TrainingPlan:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return TrainingPlan(
            initial_model=self._store.file(self._built, "initial_model.keras"),
            train=self._store.file(self._persisted, "train.parquet"),
            validation=self._store.file(self._persisted, "validation.parquet"),
            network=None if isinstance(self._network, OwnNetworkConfig) else self._network,
            fit=_FIT,
            folder=folder,
            state=self._folder / f"{name}-state",
            save_every_steps=3,
        )

    def describe(self) -> str:
        """Build the network, with all that is checked then."""
        return f"{self._built.facts['parameters']:,} parameters"

    def learn_by_heart(self) -> str:
        """Train on the same reviews again and again."""
        fit = _FIT.model_copy(update={"batch_size": _REVIEWS})
        heart = learn_by_heart(replace(self._plan("heart"), fit=fit), _STEPS)
        first, last = heart.first_loss, heart.last_loss
        seen = f"the loss goes from {first:.3f} to {last:.3f} in {heart.steps} steps"
        if last > first / 2:
            raise NetworkError(f"{seen}: look for a layer that passes on no gradient")
        return seen

    @cached_property
    def _differences(self) -> dict[str, float]:
        model = TrainedModel(
            name="check",
            file=self._model,
            vocabulary=Vocabulary.read(self._store.file(self._loaded, "vocabulary.json")),
            text=self._text,
            label_names=self._labels,
            content_hash="",
        )
        self._bundle.mkdir()
        # TensorFlow writes there what is of no use here.
        with Path(os.devnull).open("wb") as nothing, error_output_to(nothing):
            return write_forms(model, self._bundle, litert=True)

    def compare_forms(self) -> str:
        """Compare what Keras, SavedModel, LiteRT and perhaps ONNX Runtime answer."""
        pairs = (f"{name} by {value:.1g}" for name, value in self._differences.items())
        return f"probabilities differ from Keras's: {', '.join(pairs)}"

    def ask(self, fresh: _FreshProcess) -> str:
        """Ask the SavedModel in a process that knows neither this project nor the user's file."""
        assert self._differences
        fresh.do("ask", str(self._bundle / "saved_model"), *_ASKED)
        return f"answers {' and '.join(fresh.answer().split())} to {' and '.join(_ASKED)}"

    def resume(self, fresh: _FreshProcess) -> str:
        """Train in another process, kill that, resume here, and compare weights and losses."""
        plan = self._plan("killed")
        fresh.do("train", sys.path, pickle.dumps(plan))
        end = time.monotonic() + _MOST_SECONDS
        while not fresh.ended and time.monotonic() < end and len(_places(plan)) < _SAVED:
            time.sleep(0.01)
        status, places = fresh.kill(), _places(plan)
        if status != -signal.SIGKILL or not places:
            raise NetworkError(
                f"a training in a process of its own ended with {status}, or saved nothing in"
                f" {_MOST_SECONDS} s, so that it could not be killed in the middle:"
                f" {fresh.complaint}"
            )
        self._resumed = train_model(plan)
        self._require_same(self._resumed)
        return f"from {places[-1]}, to the weights of an uninterrupted training"

    def train_twice(self) -> str:
        """Compare with the resumed training, or with another one where that differs."""
        if self._resumed != self._trained:
            self._require_same(train_model(self._plan("again")))
        return f"weights {str(self._trained['last_weights_hash'])[:12]} again"

    def _require_same(self, facts: dict[str, Fact]) -> None:
        if facts != self._trained:
            raise NetworkError("another training with the same seed has other weights or losses")


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
