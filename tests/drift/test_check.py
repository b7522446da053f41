import re
from pathlib import Path
from typing import Any

import pytest

from tasks.common.artifact_store import ArtifactStore, CachedResult, StepOutput
from tasks.common.errors import DriftError
from tasks.common.records import write_record
from tasks.config.drift import DriftConfig
from tasks.config.training import DataConfig
from tasks.data.load import load_reviews
from tasks.drift.check import check_drift
from tasks.drift.report import DriftReport, require_no_alarm
from tasks.registry.champion import ChampionStore
from tasks.runs.find import Run
from tests.support.promotions import decide, make_challenger, run_id
from tests.support.review_samples import source_of
from tests.support.samples.drifting_reviews import write_drifting

WARN, STOP = DriftConfig(sample=400), DriftConfig(sample=400, action="stop")


def load(store: ArtifactStore, seed: int, **changes: Any) -> StepOutput:
    """Write reviews and load them."""
    return loaded_from(write_drifting(store.root / f"{seed}.csv", seed, **changes), store)


def loaded_from(file: Path, store: ArtifactStore) -> StepOutput:
    """Do what the `load` step does."""
    with store.workspace() as folder:
        facts = load_reviews(source_of("files", train=file), DataConfig(), folder)
        return store.keep("load", folder, facts)


def make_champion(store: ArtifactStore, loaded: StepOutput, key: str | None = "load/1") -> Run:
    """Write a champion's run that was trained on `loaded`."""
    if key is not None:
        write_record(store.record_file(key), CachedResult(key=key, output=loaded))
    step = {"step": "load", "cached": False, "why": "w", "key": key, "seconds": 1}
    prints = tuple(str(loaded.facts[f"{split}_fingerprint"]) for split in ("train", "test"))
    run = make_challenger(store.root, 1, steps=[step], fingerprints=prints)
    assert decide(store.root, run).kind == "promoted"
    return run


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts").open()


def test_without_a_champion_the_check_passes_and_says_so(store: ArtifactStore) -> None:
    report = check_drift(store, load(store, 1), STOP)
    assert (report.champion, report.alarms) == (None, [])
    assert report.headline == "no champion yet: nothing to compare with"
    require_no_alarm(report, STOP)


def test_the_champions_own_reviews_have_not_drifted_and_need_no_data(store: ArtifactStore) -> None:
    loaded = load(store, 1)
    make_champion(store, loaded, None)
    report = check_drift(store, loaded, STOP)
    assert report.headline == "the champion was trained on the same reviews: nothing has changed"
    assert report.alarms == []


def test_alike_reviews_pass(store: ArtifactStore) -> None:
    make_champion(store, load(store, 1))
    report = check_drift(store, load(store, 2), STOP)
    assert (report.champion, report.reviews) == (run_id(1), report.new_reviews)
    assert report.headline == (
        f"no drift: all 5 measures of {report.reviews} new reviews are within their bounds"
    )
    require_no_alarm(report, STOP)


def grown(store: ArtifactStore, name: str, **changes: Any) -> StepOutput:
    """Load the champion's table with further rows behind it."""
    more = write_drifting(store.root / f"more {name}.csv", 2, **changes).read_text()
    file = store.root / f"{name}.csv"
    file.write_text((store.root / "1.csv").read_text() + more.partition("\n")[2])
    return loaded_from(file, store)


def test_a_table_that_grows_is_judged_by_its_new_rows_alone(store: ArtifactStore) -> None:
    make_champion(store, load(store, 1))
    report = check_drift(store, grown(store, "shifted", rows=100, length=60), STOP)
    assert report.new_reviews == pytest.approx(80, abs=15)
    assert report.reviews == pytest.approx(480, abs=25)
    (length,) = [measure for measure in report.measures if measure.name == "length"]
    assert length.new == pytest.approx(60, abs=2)
    assert length.drifted
    few = check_drift(store, grown(store, "few", rows=20), STOP)
    assert few.headline.endswith("fewer than 50: too few to judge")
    assert few.headline.startswith(f"{few.new_reviews} of {few.reviews} training reviews are new")
    require_no_alarm(few, STOP)


def test_the_same_words_with_another_label_are_a_new_review(store: ArtifactStore) -> None:
    make_champion(store, load(store, 1))
    turned = (store.root / "1.csv").read_text().replace(",good\n", ",x\n")
    file = store.root / "turned.csv"
    file.write_text(turned.replace(",bad\n", ",good\n").replace(",x\n", ",bad\n"))
    report = check_drift(store, loaded_from(file, store), STOP)
    assert report.new_reviews == report.reviews


def test_drift_warns_or_stops_as_the_config_says(store: ArtifactStore) -> None:
    make_champion(store, load(store, 1))
    report = check_drift(store, load(store, 2, length=36, ones=0.8), WARN)
    assert [alarm.partition(":")[0] for alarm in report.alarms] == ["length", "label balance"]
    assert DriftReport.model_validate_json(report.model_dump_json()) == report
    require_no_alarm(report, WARN)
    with pytest.raises(DriftError) as raised:
        require_no_alarm(report, STOP)
    sentence = str(raised.value)
    assert re.search(
        r"length: stability index of the lengths \d\.\d+, more than 0.1 \(p <", sentence
    )
    assert re.search(
        r"label balance: change of a label's share 0\.\d+, more than 0.05 \(p <", sentence
    )
    assert "nothing was trained: look at the new reviews, then start again with" in sentence


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("key", "it was trained with --no-cache, which keeps nothing"),
        ("record", "is missing"),
        ("torn record", "load/1.json is damaged"),
        ("file", "train.parquet is missing"),
        ("run", "is damaged (best_model.keras is missing): bring it back as it was"),
        ("log", "promotions.jsonl is damaged"),
    ],
)
def test_lost_or_damaged_reviews_of_the_champion_are_reported_and_stop_where_asked(
    store: ArtifactStore, loss: str, said: str
) -> None:
    loaded = load(store, 1)
    run = make_champion(store, loaded, None if loss == "key" else "load/1")
    if loss == "record":
        store.record_file("load/1").unlink()
    elif loss == "torn record":
        store.record_file("load/1").write_text('{"key"')
    elif loss == "file":
        store.file(loaded, "train.parquet").unlink()
    elif loss == "run":
        (run.folder / "best_model.keras").unlink()
    elif loss == "log":
        ChampionStore(store.root).log.write_text("nonsense\n")
    report = check_drift(store, load(store, 2), WARN)
    (alarm,) = report.alarms
    assert alarm.startswith("not compared: ")
    assert said in alarm
    assert report.measures == ()
    require_no_alarm(report, WARN)
    with pytest.raises(DriftError, match="nothing was trained"):
        require_no_alarm(report, STOP)


def test_other_labels_cannot_be_compared(store: ArtifactStore) -> None:
    loaded = load(store, 1)
    renamed = loaded.model_copy(update={"facts": loaded.facts | {"label_names": ["0", "1"]}})
    make_champion(store, renamed)
    (alarm,) = check_drift(store, load(store, 2), WARN).alarms
    assert (
        "the labels are not those of the champion (missing: '0', '1'; new: 'bad', 'good')" in alarm
    )
