"""Reviews of twenty labels are trained on, judged, promoted, used and compared as those of two."""

import math
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq
import pytest

from flows.cli import predict, runs
from tasks.config.drift import DriftConfig
from tasks.config.promotion import PromotionConfig
from tasks.drift.report import DriftReport
from tasks.evaluation.slices import read_predictions
from tasks.inference.bundle.open import open_bundle
from tasks.run_summary import RunSummary
from tasks.runs.manifest import read_manifest
from tasks.runs.read import read_json
from tests.support.commands import Command
from tests.support.samples.three_labels import BAYES_ACCURACY, write_three_labels
from tests.support.servers.browser import SCREENS, needs_browser, sound_page, unfold
from tests.support.servers.run_records import artifacts_of
from tests.support.start_run import ngram_config, start_config

NAMES = tuple(f"topic {number:02}" for number in range(20))

TEXTS = ["the dull film", "the fine film", "a tells19 plot"]

ANSWERS = [NAMES[0], NAMES[2], NAMES[19]]

LONGEST = 7600
"""Pixels of the report before anything is unfolded, also on a telephone."""

GATES = PromotionConfig(
    floor=0.5, baseline_margin=0.5, largest_calibration_error=1, largest_latency_ms=1000
)

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> RunSummary:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("twenty")
    file = write_three_labels(folder / "reviews.csv", 1200, labels=NAMES)
    return start_config(folder / "artifacts", ngram_config(file), promotion=GATES)


@pytest.fixture
def artifacts(champion: RunSummary) -> Path:
    return champion.folder.parents[1]


def test_the_network_reaches_the_accuracy_that_is_known_to_be_the_best(
    champion: RunSummary,
) -> None:
    metrics = read_json(champion.folder, "metrics.json")
    error = math.sqrt(BAYES_ACCURACY * (1 - BAYES_ACCURACY) / metrics["test_reviews"])
    assert metrics["accuracy"] == pytest.approx(BAYES_ACCURACY, abs=3 * error)
    assert read_predictions(champion.folder / "predictions.parquet").probability.shape[1] == 20
    assert champion.promotion is not None
    assert champion.promotion.kind == "promoted"


def test_a_bundle_and_the_champion_give_each_label_its_column(
    champion: RunSummary, artifacts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bundle"
    export = ("export", "bundle", champion.folder.name, str(bundle), "--litert")
    Command(runs.app, artifacts, capsys).says(*export)
    assert open_bundle(bundle).predict(TEXTS)["label"].to_pylist() == ANSWERS
    file = tmp_path / "texts.csv"
    file.write_text("text\n" + "\n".join(TEXTS) + "\n")
    asked = ("--file", str(file), "--output", str(tmp_path / "out.parquet"))
    Command(predict.app, artifacts, capsys).says(*asked, "--all-probabilities")
    answered = pq.read_table(tmp_path / "out.parquet")
    assert answered["label"].to_pylist() == ANSWERS
    assert [name for name in answered.column_names if name.startswith("probability of ")] == [
        f"probability of {name}" for name in NAMES
    ]


def test_other_shares_of_the_labels_are_a_drift_and_a_challenger_is_scored_beside_the_champion(
    champion: RunSummary, artifacts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_three_labels(tmp_path / "new.csv", 1200, seed=1, labels=NAMES, times_first=9)
    second = start_config(
        artifacts, ngram_config(file, epochs=1), promotion=GATES, drift=DriftConfig()
    )
    report = DriftReport.model_validate_json((second.folder / "drift.json").read_bytes())
    assert {measure.name for measure in report.measures if measure.drifted} == {"label balance"}
    assert second.promotion is not None
    assert second.promotion.event is not None
    assert second.promotion.event.test is not None  # that of the champion, on other reviews
    said = Command(runs.app, artifacts, capsys).says(
        "compare", champion.folder.name, second.folder.name, "--rescore"
    )
    assert "all models on" in said
    shown = artifacts_of(read_manifest(second.folder).flow_run_id)["report"]
    assert str(shown.description).startswith(f"Test accuracy {second.score.accuracy:.4f}, ")
    page = (second.folder / "report.html").read_text()
    assert page.index(">Test macro F1<") < page.index(">Accuracy<")
    assert "Macro F1 leads since the labels are not balanced" in page
    assert ">Test accuracy<" in (champion.folder / "report.html").read_text()


@needs_browser
@SCREENS
def test_its_report_is_sound(
    champion: RunSummary, width: int, scheme: Literal["light", "dark"]
) -> None:
    report = champion.folder / "report.html"
    with sound_page(report, report.read_text().count("<img "), width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollHeight") <= LONGEST
        shown = page.locator("tr:visible > th").all_inner_texts()
        assert len(set(NAMES) & set(shown)) < len(NAMES)
        unfold(page)
        assert set(NAMES) <= set(page.locator("tr:visible > th").all_inner_texts())
