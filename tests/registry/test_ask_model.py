import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import CPU, Device
from tasks.common.errors import BadDataError
from tasks.evaluation.scoring import score
from tasks.model import network
from tasks.model.network import keras_network
from tasks.registry import ask_model
from tasks.registry.events import PromotionEvent
from tasks.registry.promote import promote
from tasks.run_summary import RunSummary
from tasks.runs.find import Run, find_run
from tasks.runs.read import PREDICTIONS, read_config
from tests.support.made_models import make_model_run
from tests.support.made_runs import changed_json, make_run, rewritten
from tests.support.promotions import CONFIG, failed, sentence


@pytest.fixture
def finished(done: RunSummary, tmp_path: Path) -> Run:
    """A finished run in an artifacts folder of the test's own."""
    artifacts = shutil.copytree(done.folder.parent.parent, tmp_path / "artifacts")
    return find_run(artifacts, done.folder.name)


def decided(run: Run) -> PromotionEvent:
    artifacts = run.folder.parent.parent
    ask = partial(ask_model.ask_model, artifacts=ArtifactStore(artifacts), device=CPU)
    config = CONFIG.model_copy(update={"baseline_margin": 0.99, "largest_latency_ms": 1000.0})
    return promote(artifacts, run, config, ask, who="me@here", reason="")


def forged(run: Run, column: str) -> Run:
    """Edit the predictions in one column, make the metrics fit, and all hashes anew."""
    table = pq.read_table(run.folder / PREDICTIONS)
    columns = {name: table[name].to_numpy() for name in table.column_names}
    labels = columns["label"]
    other = {
        "probability": np.where(labels > 0, 0.99, 0.01),
        "label": np.concatenate([1 - labels[:10], labels[10:]]),
    }
    index, field = table.column_names.index(column), table.schema.field(column)
    table = table.set_column(index, field, pa.array(other[column]).cast(field.type))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    run = rewritten(run, PREDICTIONS, sink.getvalue().to_pybytes())
    found = score(table["probability"].to_numpy(), table["label"].to_numpy())
    run = changed_json(run, "metrics.json", found)
    accuracy = run.manifest.score.model_copy(update={"accuracy": found["accuracy"]})
    run.manifest.model_copy(update={"score": accuracy}).write(run.folder)
    return find_run(run.folder.parent.parent, run.folder.name)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("probability", "the model differs by at most 0."),
        ("label", "test reviews are not those that the run recorded"),
    ],
)
def test_forged_predictions_are_refused(finished: Run, column: str, said: str) -> None:
    event = decided(forged(finished, column))
    assert (event.kind, failed(event)) == ("refused", ["predictions"])
    assert said in sentence(event, "predictions")


@pytest.mark.parametrize("kept", ["padded reviews", "texts"])
def test_a_true_run_gives_its_predictions_again(finished: Run, kept: str) -> None:
    if kept == "texts":
        shutil.rmtree(finished.folder.parent.parent / "cache")
    event = decided(finished)
    assert event.kind == "promoted"
    said = sentence(event, "predictions")
    assert said.startswith("asked again of 47 test reviews, the model differs by at most ")


def test_where_the_test_reviews_are_lost_the_gate_says_that_it_shows_nothing(finished: Run) -> None:
    shutil.rmtree(finished.folder.parent.parent / "cache")
    source = finished.manifest.source
    lost = source.model_copy(update={"paths": {"train": finished.folder / "lost.csv"}})
    finished.manifest.model_copy(update={"source": lost}).write(finished.folder)
    event = decided(find_run(finished.folder.parent.parent, finished.folder.name))
    assert event.kind == "promoted"
    assert sentence(event, "predictions").startswith(
        "the model was not asked again, since the test reviews are lost: their file "
    )


def test_a_damaged_model_is_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path)
    (run.folder / "best_model.keras").write_bytes(b"something else")
    monkeypatch.setattr(ask_model, "open_network", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(BadDataError, match=r"best_model\.keras has 14 bytes instead of"):
        ask_model.ask_model(run, read_config(run), artifacts=ArtifactStore(tmp_path), device=CPU)


def test_what_predictions_use_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, store = make_model_run(tmp_path), ArtifactStore(tmp_path)
    asked = Device(kind="cpu", name="requested", reason="test")
    for opened, device in (
        (network.open_network, CPU.name),  # by ONNX Runtime, always on the processor
        (lambda file, device: keras_network(file, device=device), "requested"),
    ):
        monkeypatch.setattr(ask_model, "open_network", opened)
        latency, _ = ask_model.ask_model(run, read_config(run), artifacts=store, device=asked)
        assert latency.device == device
        assert latency.batch_size == read_config(run).fit.evaluation_batch_size
        assert latency.ms_per_review > 0
