import json
import re
from pathlib import Path
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.objects import Artifact

from tasks.reports.html import image_uri
from tasks.reports.verdict import run_verdict
from tasks.run_summary import RunSummary
from tasks.runs.manifest import BaselineScore, Manifest, Score, read_manifest
from tests.support.servers.run_records import artifacts_of, task_runs_of
from tests.support.start_run import start_run

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def first(
    prefect_server: str,  # noqa: ARG001 - starts it
    small_reviews: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> RunSummary:
    """A run of the small config that this process's server knows."""
    return start_run(tmp_path_factory.mktemp("run") / "artifacts", small_reviews)


@pytest.fixture(scope="module")
def manifest(first: RunSummary) -> Manifest:
    """The manifest of the finished run."""
    return read_manifest(first.folder)


@pytest.fixture(scope="module")
def shown(manifest: Manifest) -> dict[str, Artifact]:
    """The artifacts of the run."""
    return artifacts_of(manifest.flow_run_id)


def table(artifact: Artifact) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(str(artifact.data))
    return rows


def test_a_run_leaves_a_report_and_tables(shown: dict[str, Artifact]) -> None:
    kinds = {key: artifact.type for key, artifact in shown.items()}
    tables = dict.fromkeys(("metrics", "data", "cache"), "table")
    assert kinds == {"report": "markdown", "progress": "progress", **tables}


def test_the_artifacts_of_a_cached_run_are_further_versions_of_the_same_keys(
    first: RunSummary, small_reviews: Path, shown: dict[str, Artifact]
) -> None:
    again = read_manifest(start_run(first.folder.parent.parent, small_reviews).folder)
    assert all(step.cached for step in again.steps[1:])
    ours = artifacts_of(again.flow_run_id)
    assert set(ours) == set(shown) - {"progress"}
    assert ours["metrics"].data == shown["metrics"].data
    assert {row["result"] for row in table(ours["cache"])[1:]} == {"cached"}


def test_the_report_tells_the_score_and_whether_to_believe_it_and_shows_the_charts(
    first: RunSummary, manifest: Manifest, shown: dict[str, Artifact]
) -> None:
    report = str(shown["report"].data)
    score = manifest.score
    verdict = run_verdict(first.folder, manifest)
    assert shown["report"].description == f"Test accuracy {verdict.sentence}"
    mark = {"good": "✓", "mind": "⚠", "bad": "✗"}[verdict.level]
    assert report.startswith(f"# {mark} Test accuracy {score.accuracy:.4f}\n")
    assert "honest protocol, source files, 47 test reviews" in report
    assert len(manifest.baselines) == 2
    scores: list[Score | BaselineScore] = [score, *manifest.baselines]
    for judged in scores:
        interval = f"{judged.accuracy_low:.4f} to {judged.accuracy_high:.4f}"
        assert f"| {judged.accuracy:.4f} | {interval} |" in report
    assert "- ✓ A validation split chose the epoch" in report
    training = manifest.training
    assert f"| best epoch | {training.best_epoch} of {training.epochs_run} |" in report
    assert "| seed | 0 |" in report
    assert "| device | cpu (cpu was requested) |" in report
    assert f"| run folder | {first.folder} |" in report.replace("\\", "")
    assert dict(re.findall(r'<img alt="([^"]+)" src="([^"]+)">', report)) == {
        f"Training and validation {name} by epoch": image_uri(first.folder / f"figures/{name}.png")
        for name in ("accuracy", "loss")
    }


def test_the_metrics_stand_beside_those_of_the_linear_baselines(
    first: RunSummary, shown: dict[str, Artifact]
) -> None:
    network, baseline, bayes = (
        json.loads((first.folder / f"{name}.json").read_bytes())
        for name in ("metrics", "baseline_metrics", "bayes_baseline_metrics")
    )
    rows = table(shown["metrics"])
    assert [row["metric"] for row in rows[:2]] == ["accuracy", "ROC AUC"]
    low, high = network["accuracy_interval_95"]
    assert rows[0]["network"] == f"{network['accuracy']:.4f} ({low:.4f} to {high:.4f})"
    (brier,) = (row for row in rows if row["metric"] == "Brier score")
    assert brier["linear baseline"] == f"{baseline['brier']:.4f}"
    assert brier["naive Bayes baseline"] == f"{bayes['brier']:.4f}"


def test_the_data_table_tells_what_the_checks_found(shown: dict[str, Artifact]) -> None:
    rows = {row["what"]: (row["training"], row["test"]) for row in table(shown["data"])}
    assert rows["reviews"] == ("193", "47")
    assert rows["labelled neg"] == ("96", "24")
    assert rows["also in the training set"] == ("", "0 (0.0 %)")
    assert rows["words outside the word index"][0] == "0.0 %"


def test_the_cache_table_tells_why(manifest: Manifest, shown: dict[str, Artifact]) -> None:
    rows = table(shown["cache"])
    assert [row["step"] for row in rows] == [step.step for step in manifest.steps]
    assert rows[1]["why"] == "there is no earlier result of this step"


def test_the_task_runs_are_named_by_what_they_do_and_the_training_has_its_progress(
    manifest: Manifest, shown: dict[str, Artifact]
) -> None:
    runs = task_runs_of(manifest.flow_run_id, len(manifest.steps))
    progress = shown["progress"]
    assert (progress.type, progress.data) == ("progress", 100)
    assert str(progress.description).startswith("finished after 2 of at most 2 epochs, val_loss ")
    assert runs["train seed 0, at most 2 epochs"].id == progress.task_run_id
    assert runs.keys() == {
        "fetch files",
        "load files",
        "pad to 12 words, 40 known",
        "persist-parquet, 64 rows a group",
        "build seed 0",
        "train seed 0, at most 2 epochs",
        "evaluate, honest protocol",
        "baseline, honest protocol",
        "plot files-honest-seed0",
        "analyse 47 test reviews",
    }


def test_the_run_is_named_and_tagged_by_file_recipe_protocol_and_seed(manifest: Manifest) -> None:
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(manifest.flow_run_id))
    assert run.name == "reviews-ngrams-honest-seed0"
    facts = {"source:files", "reviews:reviews", "recipe:ngrams", "protocol:honest", "seed:0"}
    assert set(run.tags) >= facts
