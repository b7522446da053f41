"""The pipeline from Python and notebooks: train, find a run and use it, predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from flows.orchestration.process import begin_process
from tasks.common.tables import markdown
from tasks.config.naming import read_naming
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.recipes import DEFAULT_RECIPE, config_of
from tasks.config.request import TrainOptions
from tasks.config.training import TrainingConfig, Value
from tasks.data.sources.check_files import check_users_files
from tasks.data.text.tokenization import Tokenization
from tasks.inference.open_model import model_of_run, open_predictor
from tasks.inference.predictor import ready_predictor
from tasks.model.network import keras_model
from tasks.model.own.code import check_network
from tasks.reports.tables import compared_slices, differences_table, scores_table, tests_table
from tasks.reports.verdict import run_verdict
from tasks.runs.compare import Comparison, compare_runs
from tasks.runs.find import LATEST, Run, find_run
from tasks.runs.manifest import Score
from tasks.runs.read import (
    BEST_MODEL,
    PREDICTIONS,
    REPORT,
    checked_file,
    read_checked,
    read_config,
    reading_runs,
)

if TYPE_CHECKING:
    import keras
    import pyarrow as pa


@dataclass(frozen=True, repr=False)
class TrainedRun:
    """A finished run. What is read of it is checked by its hash first.

    Each property raises a BadDataError where its file is missing or damaged.
    """

    run: Run

    @property
    def run_id(self) -> str:
        """Its name among all runs of the folder."""
        return self.run.manifest.run_id

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.run.folder

    @property
    def config(self) -> TrainingConfig:
        """Every number of the run."""
        return read_config(self.run)

    @property
    def score(self) -> Score:
        """Accuracy on the test reviews with its 95 % interval, protocol and source."""
        return self.run.manifest.score

    @property
    def verdict(self) -> str:
        """Whether the model is of use, in one sentence."""
        with reading_runs(self.run):
            return run_verdict(self.folder, self.run.manifest).sentence

    @property
    def history(self) -> dict[str, list[float]]:
        """Loss, accuracy and learning rate, one number for each epoch, by name."""
        history: dict[str, list[float]] = read_checked(self.run, "history.json")
        return history

    @property
    def metrics(self) -> dict[str, Any]:
        """All scores of the network on the test reviews, by name."""
        metrics: dict[str, Any] = read_checked(self.run, "metrics.json")
        return metrics

    @property
    def predictions(self) -> pa.Table:
        """Probability and label of each test review, with its row and the hash of its words."""
        return pq.read_table(checked_file(self.run, PREDICTIONS))

    @property
    def report(self) -> Path:
        """The HTML report."""
        return checked_file(self.run, REPORT)

    def load_model(self) -> keras.Model:
        """Return the Keras model of the best epoch, not compiled."""
        return keras_model(checked_file(self.run, BEST_MODEL))

    def predict(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Return for each text its label and the probability of that label."""
        with reading_runs(self.run):
            answers = ready_predictor(model_of_run(self.run)).predict(texts)
        return _pairs(answers)

    def compare(self, *others: TrainedRun) -> ComparedRuns:
        """Compare other runs with this one: what differs, their scores, and paired tests.

        Raises:
            InvalidConfigError: None is given, or one twice.
        """
        runs = [self.run, *(other.run for other in others)]
        with reading_runs(*runs):
            return ComparedRuns(compare_runs(runs))

    def __repr__(self) -> str:
        """Say which run it is."""
        return f"TrainedRun({self.run_id})"

    def _repr_html_(self) -> str:
        """Show the run in a notebook: the verdict, and where the report lies."""
        report = self.folder / REPORT
        if report.is_relative_to(Path.cwd()):
            report = report.relative_to(Path.cwd())
        return (
            f"<p><b>{escape(self.verdict)}</b></p><p>{self.score.test_reviews:,} test reviews,"
            f" {escape(self.score.protocol)} protocol, {escape(self.score.source_label)};"
            f" report: <code>{escape(str(report))}</code></p>"
        )


@dataclass(frozen=True, repr=False)
class ComparedRuns:
    """Runs side by side, each further one against the first."""

    comparison: Comparison

    def __repr__(self) -> str:
        """Say which runs they are."""
        return f"ComparedRuns({', '.join(run.run_id for run in self.comparison.runs)})"

    def _repr_markdown_(self) -> str:
        """Show in a notebook what differs, the scores and the tests."""
        tables = (differences_table, scores_table, tests_table, compared_slices)
        return markdown(*filter(None, (table(self.comparison) for table in tables)))


def train(
    train_file: str | Path | None = None,
    *,
    recipe: str = DEFAULT_RECIPE,
    artifacts: str | Path = "artifacts",
    accelerator: str = "auto",
    promote: bool = False,
    name: str = "",
    **settings: Value,
) -> TrainedRun:
    """Train as `sentiment train` does and return the run; what is known comes from the cache.

    Args:
        train_file: Your reviews; without, `source` says which, by itself the best at hand.
        recipe: Named config that the settings change, or a .toml file of your own.
        artifacts: Folder of the cache and the runs.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        promote: Whether to make the run the champion if it passes all gates.
        name: Name of the run.
        **settings: Any fields of the config by name, as `epochs=3, seed=1`.

    Raises:
        PipelineError: A setting, a file or the Prefect server is at fault; says what to do.
    """
    reviews = {"source": "auto"} if train_file is None else {"train_file": str(train_file)}
    config = config_of(recipe, reviews | settings)
    check_users_files(config.source)
    check_network(config.network)
    Tokenization.of(config.text)
    promotion = PromotionConfig() if promote else None
    require_promotable(promotion, config.protocol)
    options = TrainOptions(
        config=config,
        accelerator=accelerator,
        artifacts=Path(artifacts),
        promotion=promotion,
        naming=read_naming(name=name),
    )
    begin_process(for_run=True)
    from flows.pipelines.train import train_here

    return load_run(str(train_here(options).folder.absolute()), artifacts)


def load_run(name: str = LATEST, artifacts: str | Path = "artifacts") -> TrainedRun:
    """Return a finished run by its id, a part of that, its name, its folder, or `latest`.

    Raises:
        BadDataError: No run or more than one has that name, or it cannot be read.
    """
    return TrainedRun(find_run(Path(artifacts).absolute(), name))


def predict(
    texts: Sequence[str], artifacts: str | Path = "artifacts", run: str | None = None
) -> list[tuple[str, float]]:
    """Return for each text its label and that label's probability, as the champion says.

    Without a champion the newest run answers, or the one that is named.

    Raises:
        BadDataError: There is no such run, or a file of it is damaged.
        PromotionError: The champion is not as it was when it was promoted.
    """
    return _pairs(open_predictor(Path(artifacts), run).predict(texts))


def _pairs(answers: pa.RecordBatch) -> list[tuple[str, float]]:
    labels, probabilities = (answers[name].to_pylist() for name in ("label", "probability"))
    return list(zip(labels, probabilities, strict=True))
