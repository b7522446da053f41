import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, get_client, runtime

from tasks import chain
from tasks.cache import key as cache_key
from tasks.cache import own_sources
from tasks.cache.runner import TASK_OPTIONS, StepRunner
from tasks.common.artifact_store import ArtifactStore, StepOutput
from tasks.common.errors import BadDataError
from tasks.config.naming import Naming
from tasks.config.training import SourceConfig, TrainingConfig
from tasks.data import load
from tasks.data.fetch import fetch_reviews
from tasks.record_run import RUN_FILES
from tasks.run_summary import RunSummary
from tasks.runs.find import find_run
from tasks.runs.manifest import read_manifest
from tasks.runs.names import read_naming_of
from tests.support.faults.bit_flips import with_flipped_bit
from tests.support.faults.injection import STEPS
from tests.support.small_run import write_reviews
from tests.support.start_run import ngram_config, start_config, start_run

pytestmark = pytest.mark.usefixtures("prefect_server")

CACHED_STEPS = list(STEPS[1:-1])

MANIFEST_FILES = {"manifest.json", "manifest.sha256", "naming.json"}


@pytest.fixture
def root(done: RunSummary) -> Path:
    """The artifacts folder of the finished run."""
    return done.folder.parent.parent


def cached_steps(summary: RunSummary) -> list[str]:
    return [run.step for run in summary.steps if run.cached]


def test_a_first_run_computes_every_step_in_order(done: RunSummary) -> None:
    assert [run.step for run in done.steps] == ["fetch", *CACHED_STEPS]
    assert cached_steps(done) == []


def test_the_run_folder_is_complete_and_every_file_has_its_hash(done: RunSummary) -> None:
    manifest = read_manifest(done.folder)
    files = {
        path.relative_to(done.folder).as_posix()
        for path in done.folder.rglob("*")
        if path.is_file()
    }
    assert files == {*RUN_FILES, "config.json", "report.html", "model_card.md", *MANIFEST_FILES}
    assert set(manifest.files) == files - MANIFEST_FILES
    for name, file in manifest.files.items():
        assert (done.folder / name).stat().st_size == file.size > 0


def test_the_manifest_tells_what_was_run(done: RunSummary, small_reviews: Path) -> None:
    manifest = read_manifest(done.folder)
    assert manifest.score == done.score
    assert (manifest.score.protocol, manifest.score.source) == ("honest", "files")
    assert manifest.device.reason == "cpu was requested"
    assert manifest.source.paths == {"train": small_reviews}
    assert manifest.versions["keras"].startswith("3.")
    assert done.folder.name.endswith(manifest.flow_run_id[:8])
    config = json.loads((done.folder / "config.json").read_text())
    assert config == ngram_config(small_reviews).model_dump(mode="json")


def test_an_equal_run_is_cached_from_load_to_plot_and_still_complete(
    done: RunSummary, root: Path, small_reviews: Path
) -> None:
    # Two of them, since another test of this module may have trained the model again.
    first, second = (start_run(root, small_reviews) for _ in range(2))
    assert cached_steps(second) == CACHED_STEPS
    assert second.folder != first.folder
    assert second.score == first.score == done.score
    ours, theirs = read_manifest(second.folder), read_manifest(first.folder)
    differing = dict(ours.files.items() ^ theirs.files.items())
    assert differing.keys() == {"report.html", "model_card.md"}  # they name their run
    page = (second.folder / "report.html").read_text()
    assert second.folder.name in page
    assert "every part of its key is as before; run " in page
    assert (second.folder / "figures/loss.png").stat().st_size > 0
    all_runs = (root / "runs.html").read_text()
    assert f'"runs/{first.folder.name}/report.html"' in all_runs
    assert f'"runs/{second.folder.name}/report.html"' in all_runs


def test_a_run_has_the_name_tags_and_note_that_it_was_given_and_is_cached_all_the_same(
    done: RunSummary,  # noqa: ARG001 - it fills the cache
    root: Path,
    small_reviews: Path,
    tmp_path: Path,
) -> None:
    other = Path(shutil.copy(small_reviews, tmp_path / "other.csv"))
    naming = Naming(name="week 14", tags=("weekly", "trial"), note="with more reviews")
    named = start_config(root, ngram_config(other), naming=naming)
    assert cached_steps(named) == CACHED_STEPS
    assert read_naming_of(named.folder) == naming
    assert find_run(root, "week 14").folder == named.folder
    manifest = read_manifest(named.folder)
    assert manifest.faults(named.folder) == []
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(manifest.flow_run_id))
    assert run.name == "week 14"
    assert set(run.tags) >= {"weekly", "trial", "reviews:other", "recipe:ngrams"}


def test_the_tutorial_protocol_validates_on_the_test_set_and_the_report_warns(
    root: Path, small_reviews: Path
) -> None:
    summary = start_run(root, small_reviews, protocol="tutorial", epochs=1)
    assert summary.score.protocol == "tutorial"
    history = json.loads((summary.folder / "history.json").read_text())
    metrics = json.loads((summary.folder / "metrics.json").read_text())
    assert history["val_loss"] == [pytest.approx(metrics["loss"], abs=1e-5)]
    page = (summary.folder / "report.html").read_text()
    assert "The tutorial protocol chose the epoch on the test reviews" in page
    assert "validation is the test set" in page


def test_a_damaged_file_of_the_cache_is_computed_again_and_said_so(
    done: RunSummary, root: Path, small_reviews: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ArtifactStore(root)
    persisted = read_manifest(done.folder).data_content["test.parquet"]
    (path,) = store.objects.rglob(f"{persisted}*")
    content = path.read_bytes()
    path.write_bytes(with_flipped_bit(content, len(content) // 2))
    with caplog.at_level(logging.WARNING, "tasks"):
        again = start_run(root, small_reviews)
    assert cached_steps(again) == [step for step in CACHED_STEPS if step != "persist-parquet"]
    assert "is not used: test.parquet" in caplog.text
    assert path.read_bytes() == content


def test_damaged_records_are_made_again(done: RunSummary, root: Path, small_reviews: Path) -> None:
    keys = {run.step: str(run.key) for run in done.steps}
    damaged = {"plot": "records", "analyse": "results"}
    for step, kind in damaged.items():
        (path,) = [p for p in (root / "cache" / kind / step).iterdir() if p.stem in keys[step]]
        path.write_bytes(path.read_bytes()[:-9])
    assert set(CACHED_STEPS) - set(cached_steps(start_run(root, small_reviews))) == set(damaged)
    assert cached_steps(start_run(root, small_reviews)) == CACHED_STEPS


def test_a_moved_folder_keeps_its_cache(root: Path, small_reviews: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(root, tmp_path / "moved"))
    summary = start_run(moved, small_reviews)
    assert cached_steps(summary) == CACHED_STEPS
    assert moved in summary.folder.parents


def test_the_parts_of_each_key_can_be_read(done: RunSummary, root: Path) -> None:
    for run in done.steps[1:]:
        parts = json.loads((root / f"cache/keys/{run.key}.json").read_text())
        assert parts["step"] == run.step
        assert parts["source"]


def test_bad_data_fails_at_once_with_one_sentence_and_no_run_folder(tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("text,label\n" + "fine film,good\ndull plot,good\n" * 9)
    with pytest.raises(BadDataError, match="at least two different labels, found 1"):
        start_run(tmp_path / "artifacts", bad)
    assert list((tmp_path / "artifacts/runs").iterdir()) == []
    files = [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
    assert not [path for path in files if path.parts[-3] in ("records", "results", "objects")]


def test_a_passing_fault_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = load.load_reviews

    def fail_once(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise OSError(5, "the network drive hiccuped")
        return real(*arguments)

    monkeypatch.setattr(load, "load_reviews", fail_once)
    monkeypatch.setitem(TASK_OPTIONS, "retry_delay_seconds", [0, 0, 0])
    source = SourceConfig(source="files", train_file=write_reviews(tmp_path / "reviews.csv", 120))
    store = ArtifactStore(tmp_path / "artifacts").open()

    @flow
    def only_load() -> StepOutput:
        config = TrainingConfig(source=source)
        return chain.load(StepRunner(store), fetch_reviews(source, store), config)

    assert only_load().facts["train_rows"] == pytest.approx(96, abs=12)
    assert len(calls) == 2


def test_a_load_that_failed_explains_no_later_one_and_a_hit_names_who_computed_it(
    tmp_path: Path,
) -> None:
    reviews = tmp_path / "reviews.csv"
    source = SourceConfig(source="files", train_file=reviews)
    store = ArtifactStore(tmp_path / "artifacts").open()

    @flow
    def only_load() -> tuple[str, str]:
        runner = StepRunner(store)
        chain.load(runner, fetch_reviews(source, store), TrainingConfig(source=source))
        return str(runtime.flow_run.id), runner.runs[0].why

    reviews.write_text("text,label\n" + "fine film,good\ndull plot,bad\nso so,middling\n" * 9)
    with pytest.raises(BadDataError):
        only_load()
    write_reviews(reviews, 120)
    flow_run_id, why = only_load()
    assert why == "there is no earlier result of this step"
    as_before = "every part of its key is as before"
    short = flow_run_id[:8]
    missing = f"flow run {short}, of which there is no run folder,"
    assert only_load()[1] == f"{as_before}; {missing} computed it"
    (store.runs / f"20260101T000000Z-{short}").mkdir()
    assert only_load()[1] == f"{as_before}; run {short} computed it"


def why(summary: RunSummary) -> dict[str, str]:
    return {run.step: run.why for run in summary.steps}


def test_a_changed_number_recomputes_what_depends_on_it_and_each_step_says_why(
    root: Path, small_reviews: Path
) -> None:
    config = ngram_config(small_reviews)
    text = config.text.model_copy(update={"num_words": 16})
    summary = start_config(root, config.model_copy(update={"text": text}))
    assert cached_steps(summary) == ["load", "baseline"]
    reasons = why(summary)
    as_before = r"every part of its key is as before; run [0-9a-f]{8} computed it"
    assert re.fullmatch(as_before, reasons["load"])
    assert reasons["pad"] == reasons["build"] == "num_words 40 → 16"
    assert reasons["persist-parquet"] == "input padded changed"


def test_a_refreshed_step_is_computed_again_and_those_after_it_hit_when_it_repeats(
    done: RunSummary, root: Path, small_reviews: Path
) -> None:
    again = start_config(root, ngram_config(small_reviews), refresh=("train",))
    assert cached_steps(again) == [step for step in CACHED_STEPS if step != "train"]
    assert why(again)["train"] == "a refresh was requested"
    assert read_manifest(again.folder).weights == read_manifest(done.folder).weights


def test_what_was_computed_beside_an_edit_is_used_and_not_kept(
    root: Path,
    small_reviews: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = own_sources.source_now

    def edited(name: str) -> str | None:
        source = now(name)
        return str(source).replace("(12, 6)", "(6, 12)") if name == "tasks.reports.plot" else source

    config = ngram_config(small_reviews)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "tasks"):
        patch.setattr(cache_key, "source_now", edited)
        beside = start_config(root, config, refresh=("plot",))
    assert (beside.folder / "figures/loss.svg").exists()
    assert "its source was edited during this run" in caplog.text
    again = start_config(root, config)
    assert cached_steps(again) == [step for step in CACHED_STEPS if step != "plot"]


def test_raw_files_that_change_while_they_are_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews, real = write_reviews(tmp_path / "reviews.csv", 120), load.load_reviews

    def load_beside_a_writer(*arguments: Any) -> Any:
        facts = real(*arguments)
        write_reviews(reviews, 120, seed=1)
        return facts

    monkeypatch.setattr(load, "load_reviews", load_beside_a_writer)
    with pytest.raises(BadDataError, match=r"reviews\.csv was changed while it was read"):
        start_run(tmp_path / "artifacts", reviews)


def test_without_the_cache_every_step_is_computed_and_nothing_is_kept(
    done: RunSummary, small_reviews: Path, tmp_path: Path
) -> None:
    summary = start_config(tmp_path / "a", ngram_config(small_reviews), cache=False)
    assert cached_steps(summary) == []
    assert summary.score == done.score
    assert not (tmp_path / "a/cache/records").exists()
    assert not (tmp_path / "a/cache/training").exists()


def test_a_finished_run_leaves_no_training_state(root: Path) -> None:
    assert list((root / "cache/training").iterdir()) == []
