import subprocess
import sys
from pathlib import Path

import pytest

from tasks.common.device import CPU, Device
from tasks.model import network
from tasks.model.network import keras_network
from tasks.registry import latency as registry_latency
from tasks.runs.read import read_config
from tests.support.made_models import make_model_run
from tests.support.made_runs import make_run

ROOT = Path(__file__).parents[2]


def test_a_damaged_model_is_never_loaded(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.folder / "best_model.keras").write_bytes(b"something else")
    code = (
        "import sys; from pathlib import Path\n"
        "from tasks.common.errors import BadDataError\n"
        "from tasks.runs.find import find_run\n"
        "from tasks.registry.latency import measure_latency\n"
        "from tasks.runs.read import read_config\n"
        "from tasks.common.device import select_accelerator\n"
        f"run = find_run(Path({str(tmp_path)!r}), 'latest')\n"
        "try:\n"
        "    measure_latency(run, read_config(run), select_accelerator('cpu'))\n"
        "except BadDataError as error:\n"
        "    assert 'best_model.keras has 14 bytes instead of' in str(error)\n"
        "    assert 'keras' not in sys.modules\n"
        "    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "refused\n"


def test_what_predictions_run_on_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
