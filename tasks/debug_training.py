"""Debug a training before it is worth its time: nothing of this is a run, or can become one.

All is done in a temporary folder, with some of the training reviews alone: no cache is asked or
filled, no test review is judged, and what is left is a report or a trace, but no model.
"""

import math
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec

import numpy as np
import pyarrow as pa

from tasks import steps
from tasks.cache.step_function import StepFunction
from tasks.chain import build, learn_and_judge
from tasks.check_network import Guarantee, tried
from tasks.common.artifact_store import ArtifactStore, StepOutput, StepRun
from tasks.common.atomic_files import write_csv
from tasks.common.device import Device, select_accelerator
from tasks.common.errors import NetworkError
from tasks.common.tables import Table, number
from tasks.config.request import DebugMode, TrainOptions, require_divisible
from tasks.config.training import OwnNetworkConfig, SourceConfig, TrainingConfig
from tasks.data.review_files import read_labels, read_parquet
from tasks.data.text.tokenization import Tokenization
from tasks.data.text.vocabulary import Vocabulary, with_values
from tasks.record_run import record_run
from tasks.runs.read import REPORT
from tasks.training.one_batch import learn_by_heart
from tasks.training.plan import TrainingPlan
from tasks.training.profile import TRACED, WARM_UP, profile_training

P = ParamSpec("P")

_MOST_STEPS, _SHOWN = 500, 12

_VALIDATION = 0.25

_LEAST_OF_TWO, _LEAST_OF_MORE = 32, 10
"""Reviews of a label: of two labels, some of each must be among the validation reviews."""


def debug_training(options: TrainOptions, mode: DebugMode) -> Iterator[Guarantee | Table]:
    """Yield what was tried and how it went, and tables of it.

    Raises:
        PipelineError: The reviews cannot be read, or the config does not fit the machine.
    """
    device = select_accelerator(options.accelerator)
    require_divisible(options.config.fit, device)
    kept = Path(tempfile.mkdtemp(prefix=f"sentiment-{mode}-"))
    try:
        with tempfile.TemporaryDirectory(prefix="sentiment-debug-") as name:
            yield from _MODES[mode](_Debugged(options, device, Path(name)), kept)
    finally:
        if not any(kept.iterdir()):
            kept.rmdir()


class _FailedError(Exception):
    """A step has failed, which is told already."""


class _Steps:
    """Runs each step anew, and keeps how that went."""

    def __init__(self, folder: Path) -> None:
        self.store = ArtifactStore(folder).open()
        self.outputs: dict[str, StepOutput] = {}
        self.runs: list[StepRun] = []
        self.told: list[Guarantee] = []

    def cached(
        self, step: StepFunction[P, StepOutput], *args: P.args, **kwargs: P.kwargs
    ) -> StepOutput:
        def run() -> str:
            output = self.outputs[step.name] = step(self.store, *args, **kwargs)
            return f"left {len(output.files)} files"

        done = self.tell(step.name, run)
        why = "a debugged training takes nothing from the cache"
        self.runs.append(
            StepRun(step=step.name, cached=False, why=why, key=None, seconds=done.seconds)
        )
        return self.outputs[step.name]

    def tell(self, name: str, look: Callable[[], str]) -> Guarantee:
        self.told.append(tried(name, look))
        if not self.told[-1].holds:
            raise _FailedError
        return self.told[-1]


class _Debugged:
    """Some of the training reviews, as a source of their own, and the config for them."""

    def __init__(self, options: TrainOptions, device: Device, folder: Path) -> None:
        self._options, self._folder, self.device = options, folder, device
        self.steps = _Steps(folder / "artifacts")

    def load(self, rows: int) -> tuple[TrainingConfig, StepOutput]:
        """Read the reviews of the config, write so many of them as a table, and load that."""
        config = self._options.config
        with ArtifactStore(self._options.artifacts).in_use() as store:
            files = steps.fetch(store, config.source)
        whole = ArtifactStore(self._folder / "whole").open()
        tokenization = Tokenization.of(config.text)
        loaded = steps.load(whole, files, config.data, tokenization)
        source = _sample(whole, loaded, rows, self._folder)
        data = config.data.model_copy(update={"deduplicate": False, "max_overlap": 1.0})
        share = max(_VALIDATION, config.protocol.validation_fraction)
        protocol = config.protocol.model_copy(update={"validation_fraction": share})
        fit = config.fit.model_copy(update={"epochs": 1, "warmup_epochs": 0})
        changed = {"source": source, "data": data, "protocol": protocol, "fit": fit}
        config = config.model_copy(update=changed)
        self.files = steps.fetch(self.steps.store, source)
        return config, self.steps.cached(steps.load, self.files, data, tokenization)

    def plan(self, rows: int) -> TrainingPlan:
        """Return what a training on so many reviews needs."""
        config, loaded = self.load(rows)
        made = build(self.steps, loaded, config, self.device)
        network, store = config.network, self.steps.store
        (self._folder / "trained").mkdir()
        return TrainingPlan(
            initial_model=store.file(made.built, "initial_model.keras"),
            train=store.file(made.persisted, "train.parquet"),
            validation=steps.judging_reviews(store, made.persisted),
            network=None if isinstance(network, OwnNetworkConfig) else network,
            fit=config.fit,
            folder=self._folder / "trained",
            device=self.device,
        )

    def rows(self, batches: int) -> int:
        """Return how many reviews have so many batches beside the validation reviews."""
        return math.ceil(batches * self._options.config.fit.batch_size / (1 - _VALIDATION))


def _sample(store: ArtifactStore, loaded: StepOutput, rows: int, folder: Path) -> SourceConfig:
    """Write training reviews, as many of each label, as two tables: one to train, one to judge.

    Those of a rare label are taken several times.
    """
    vocabulary = Vocabulary.read(store.file(loaded, "vocabulary.json"))
    train, names = store.file(loaded, "train.parquet"), loaded.facts["label_names"]
    assert isinstance(names, list)
    labels = read_labels(train)
    least = _LEAST_OF_MORE if len(names) > 2 else _LEAST_OF_TWO  # noqa: PLR2004 - see there
    of_each = max(least, math.ceil(rows / len(names)))
    places = [np.resize(np.flatnonzero(labels == one), 2 * of_each) for one in range(len(names))]
    chosen = np.isin(np.arange(len(labels)), np.concatenate(places))
    tokens = (
        one
        for batch, part in with_values(read_parquet(train), chosen)
        for one in batch.filter(pa.array(part))["tokens"].to_pylist()
    )
    texts = {
        place: vocabulary.joined(filter(None, map(vocabulary.word, ids[1:])))
        for place, ids in zip(np.flatnonzero(chosen).tolist(), tokens, strict=True)
    }
    files = {}
    for part, name in enumerate(("train", "test")):
        files[f"{name}_file"] = file = folder / f"debug-{name}.csv"
        written = [
            (texts[of_label[number]], label)
            for number in range(part * of_each, (part + 1) * of_each)
            for of_label, label in zip(places, names, strict=True)
        ]
        write_csv(file, [("text", "label"), *written])
    return SourceConfig(source="files", **files)


def _overfit(debugged: _Debugged, _kept: Path) -> Iterator[Guarantee]:
    """Learn one batch by heart."""
    plan = debugged.plan(debugged.rows(1))

    def learn() -> str:
        heart = learn_by_heart(plan, _MOST_STEPS)
        seen = (
            f"after {heart.steps} steps {heart.right} of its {heart.reviews} answers are right, and"
            f" the loss went from {heart.first_loss:.3f} to {heart.last_loss:.3f}"
        )
        if not heart.is_known:
            raise NetworkError(
                f"{seen}: look for a --learning-rate that is too low or too high, a layer that"
                " passes on no gradient, the same text with two labels, or a network that sees"
                " too little of a text (--maxlen, --num-words)"
            )
        return f"{seen}: the network can learn"

    yield tried("learns one batch by heart", learn)


def _one_step(debugged: _Debugged, kept: Path) -> Iterator[Guarantee]:
    """Take each step of the chain once, with a batch of reviews."""
    steps_taken = debugged.steps

    def record() -> str:
        summary = record_run(steps_taken, "debug", config, debugged.files, debugged.device)
        shutil.copy(summary.folder / REPORT, kept)
        return f"left {kept / REPORT}, whose scores are those of a network that learned nothing yet"

    try:
        config, loaded = debugged.load(debugged.rows(1))
        learn_and_judge(steps_taken, loaded, config, debugged.files, debugged.device)
        steps_taken.tell("report", record)
    except _FailedError:
        pass
    yield from steps_taken.told


def _profile(debugged: _Debugged, kept: Path) -> Iterator[Guarantee | Table]:
    """Train a few steps under the profiler."""
    plan, trace = debugged.plan(debugged.rows(WARM_UP + TRACED + 1)), kept / "trace.json"
    found: list[Table] = []

    def look() -> str:
        times = profile_training(plan, trace)
        operations = [(name, ms) for name, ms in times.operations if ms > 0][:_SHOWN]
        found.append(
            Table(
                "operation",
                number("ms a step"),
                number("of a step"),
                rows=(
                    [name, f"{ms:.1f}", f"{100 * ms / times.step:.0f} %"] for name, ms in operations
                ),
                title="What takes most of a step; parts that run at the same time each count.",
            )
        )
        return (
            f"a step of {plan.fit.batch_size} reviews takes {times.step:.0f} ms; when what was done"
            f" is in {trace}, for https://ui.perfetto.dev or chrome://tracing"
        )

    yield tried(f"{TRACED} steps profiled", look)
    yield from found


_MODES: dict[DebugMode, Callable[[_Debugged, Path], Iterator[Guarantee | Table]]] = {
    "overfit": _overfit,
    "one-step": _one_step,
    "profile": _profile,
}
