"""Promotion and the check for drift as steps of the training flow."""

import shutil
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import DriftError, InvalidConfigError
from tasks.config.drift import DriftConfig
from tasks.config.promotion import PromotionConfig
from tasks.drift.report import DriftReport
from tasks.registry.champion import ChampionStore
from tasks.registry.events import Decision, current_champion
from tasks.run_summary import RunSummary
from tasks.runs.manifest import read_manifest
from tests.support.servers.run_records import artifacts_of, artifacts_where, task_runs_of
from tests.support.start_run import ngram_config, start_config

pytestmark = pytest.mark.usefixtures("prefect_server")

GATES = PromotionConfig(
    floor=0.1,
    baseline_margin=0.99,
    largest_calibration_error=1,
    largest_latency_ms=1000,
    fewest_reviews=1,
)


@pytest.fixture
def artifacts(trained_once: RunSummary, tmp_path: Path) -> Path:
    """Artifacts of one run, without any decision."""
    return Path(shutil.copytree(trained_once.folder.parent.parent, tmp_path / "artifacts"))


def promoting(
    artifacts: Path,
    reviews: Path,
    gates: PromotionConfig | None = GATES,
    epochs: int = 2,
    drift: DriftConfig | None = None,
) -> RunSummary:
    config = ngram_config(reviews, epochs=epochs)
    return start_config(artifacts, config, promotion=gates, drift=drift)


def decision_of(summary: RunSummary) -> Decision:
    assert summary.promotion is not None
    return summary.promotion


def shown(summary: RunSummary) -> dict[str, str]:
    """Return the texts of the artifacts of a run by their keys."""
    found = artifacts_of(read_manifest(summary.folder).flow_run_id)
    return {key: str(artifact.data) for key, artifact in found.items()}


def states(summary: RunSummary) -> dict[str, str]:
    """Return the names of the states of a run's task runs by the task runs' names."""
    least = len(summary.steps) + (summary.promotion is not None)
    found = task_runs_of(read_manifest(summary.folder).flow_run_id, least)
    return {name: str(run.state_name) for name, run in found.items()}


def test_the_flow_promotes_a_first_champion_refuses_and_keeps_and_shows_each(
    artifacts: Path, small_reviews: Path
) -> None:
    # A run that was killed after it was recorded leaves just what is here: a run, and no decision.
    store = ChampionStore(artifacts)
    assert not store.log.exists()

    first = promoting(artifacts, small_reviews)
    assert all(step.cached for step in first.steps[1:])
    decision = decision_of(first)
    assert (decision.kind, decision.champion) == ("promoted", first.folder.name)
    (event,) = store.events()
    assert event == decision.event
    assert event.who == "flow run reviews-ngrams-honest-seed0"
    assert read_manifest(first.folder).flow_run_id in event.reason
    text = shown(first)["promotion"]
    assert text.startswith(f"# Promoted\n\npromoted: {first.folder.name}, the first champion\n")
    assert "| before | none |" in text
    assert f"| after | {first.folder.name} |" in text
    assert text.count("| ✓ passed |") == 9
    assert "- champion: no champion yet: nothing to compare with" in text
    assert "This was no interim test on the test reviews" in text
    assert states(first)[f"promote {first.folder.name}"] == "Promoted"

    again = promoting(artifacts, small_reviews)
    assert decision_of(again).kind == "champion already"
    assert store.events() == [event]
    text = shown(again)["promotion"]
    assert f"has the model of the champion {first.folder.name}, which stays" in text
    assert "no interim test on the test reviews was used" in text
    assert states(again)[f"promote {again.folder.name}"] == "Champion already"

    strict = GATES.model_copy(update={"largest_calibration_error": 0})
    worse = promoting(artifacts, small_reviews, strict, epochs=1)
    decision = decision_of(worse)
    assert (decision.kind, decision.champion) == ("refused", first.folder.name)
    assert "2 of 9 gates failed; champion failed: against " in decision.headline
    assert "; calibration failed: the calibration error is " in decision.headline
    artifacts_shown = shown(worse)
    text = artifacts_shown["promotion"]
    assert f"| before | {first.folder.name} |\n| after | {first.folder.name} |" in text
    assert "| calibration | ✗ failed |" in text
    assert "Interim test 1 on these test reviews: it may use 0.025 of the level 0.05 (a" in text
    assert states(worse)[f"promote {worse.folder.name}"] == "Refused"
    page = artifacts_shown["champion"]
    assert page.startswith(f"# Champion {first.folder.name}\n\n- since 20")
    assert " UTC, promoted by flow run " in page
    rows = [row for row in page.splitlines() if row.startswith("| ")][-2:]
    assert [row.split(" | ")[2] for row in rows] == ["refused", "promoted"]
    assert "; calibration failed: the calibration error is " in page
    assert current_champion(store.events()) == store.champion()


def test_the_flow_checks_for_drift_before_it_trains_and_stops_where_asked(
    artifacts: Path, small_reviews: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert decision_of(promoting(artifacts, small_reviews)).kind == "promoted"
    same = promoting(artifacts, small_reviews, drift=DriftConfig())
    assert [step.step for step in same.steps[:4]] == ["fetch", "load", "check-drift", "baseline"]
    report = DriftReport.model_validate_json((same.folder / "drift.json").read_bytes())
    assert report.note == "the champion was trained on the same reviews: nothing has changed"
    assert "drift.json" in read_manifest(same.folder).files
    assert shown(same)["drift"].startswith("# No drift\n\nthe champion was trained on the same")

    longer = tmp_path / "longer.csv"
    lines = small_reviews.read_text().splitlines()
    texts = [line.rpartition(",") for line in lines[1:]]
    rows = [f"{text} {text} really,{label}" for text, _, label in texts]
    longer.write_text("\n".join([lines[0], *rows]) + "\n")
    runs = set(ArtifactStore(artifacts).runs.iterdir())
    with pytest.raises(DriftError, match=r"length: stability index .* nothing was trained"):
        promoting(artifacts, longer, drift=DriftConfig(action="stop"))
    assert set(ArtifactStore(artifacts).runs.iterdir()) == runs
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any(text.startswith("drift: length: stability index of the l") for text in warnings)
    drifts = artifacts_where(ArtifactFilter(key=ArtifactFilterKey(any_=["drift"])))
    text = str(max(drifts, key=lambda artifact: artifact.created or datetime.min).data)
    assert text.startswith("# Drift\n\nlength: ")
    assert "The action is stop: the run ends before it trains." in text
    assert "| length | ✗ drifted |" in text


def test_in_the_tutorial_protocol_promotion_is_refused_before_anything_starts(
    tmp_path: Path, small_reviews: Path
) -> None:
    config = ngram_config(small_reviews, protocol="tutorial")
    with pytest.raises(InvalidConfigError, match="promotion needs protocol 'honest'"):
        start_config(tmp_path / "artifacts", config, promotion=GATES)
    assert not (tmp_path / "artifacts/runs").exists()


def test_the_decisions_of_earlier_weeks_are_replayed_on_a_growing_table(
    tmp_path: Path, small_reviews: Path
) -> None:
    header, *rows = small_reviews.read_text().splitlines()
    days = [5 + 7 * (row * 3 // len(rows)) for row in range(len(rows))]  # three weeks
    table = tmp_path / "growing.csv"
    dated = [f"{row},2026-01-{day:02}" for row, day in zip(rows, days, strict=True)]
    table.write_text("\n".join([f"{header},written", *dated]) + "\n")
    parts: list[dict[int, str]] = []
    for day in (5, 12):
        config = ngram_config(table)
        times = {"time_column": "written", "as_of": date(2026, 1, day)}
        config = config.model_copy(update={"source": config.source.model_copy(update=times)})
        summary = start_config(tmp_path / "replay", config, promotion=GATES)
        read = pq.read_table(summary.folder / "parts.parquet").to_pylist()
        parts.append({row["review_id"]: row["part"] for row in read})
        assert max(parts[-1]) == max(row for row, written in enumerate(days) if written <= day)
    assert parts[0].items() < parts[1].items()
    event = ChampionStore(tmp_path / "replay").events()[-1]
    assert event.test is not None
    assert event.test.reviews == list(parts[1].values()).count("test")
    (champion,) = [gate for gate in event.gates if gate.name == "champion"]
    assert "the champion was scored again, on the challenger's test reviews" in champion.sentence
