from pathlib import Path

import pytest

from tasks.common.device import CPU, Device
from tasks.common.errors import BadDataError
from tasks.model import network
from tasks.model.network import keras_network
from tasks.registry import latency as registry_latency
from tasks.runs.read import read_config
from tests.support.made_models import make_model_run
from tests.support.made_runs import make_run


def test_a_damaged_model_is_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path)
    (run.folder / "best_model.keras").write_bytes(b"something else")
    monkeypatch.setattr(registry_latency, "open_network", lambda *_, **__: pytest.fail("loaded"))
    with pytest.raises(BadDataError, match=r"best_model\.keras has 14 bytes instead of"):
        registry_latency.measure_latency(run, read_config(run), CPU)


def test_what_predictions_use_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_model_run(tmp_path)
    asked = Device(kind="cpu", name="requested", reason="test")
    for opened, device in (
        (network.open_network, CPU.name),  # by ONNX Runtime, always on the processor
        (lambda file, device: keras_network(file, device=device), "requested"),
    ):
        monkeypatch.setattr(registry_latency, "open_network", opened)
        latency = registry_latency.measure_latency(run, read_config(run), asked)
        assert latency.device == device
        assert latency.batch_size == read_config(run).fit.evaluation_batch_size
        assert latency.ms_per_review > 0
