import subprocess
import sys
from pathlib import Path

import pytest

from tasks import model_latency
from tasks.read_run import read_config
from tasks.run_network import keras_network
from tasks.select_accelerator import CPU, Device
from tests.made_models import make_model_run
from tests.made_runs import make_run

ROOT = Path(__file__).parent.parent


def test_a_damaged_model_is_never_loaded(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run.folder / "best_model.keras").write_bytes(b"something else")
    code = (
        "import sys; from pathlib import Path\n"
        "from tasks.errors import BadDataError\n"
        "from tasks.find_runs import find_run\n"
        "from tasks.model_latency import measure_latency\n"
        "from tasks.read_run import read_config\n"
        "from tasks.select_accelerator import select_accelerator\n"
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
    asked = Device(kind="cpu", name="asked for", reason="test")
    for opened, device in (
        (model_latency.open_network, CPU.name),  # by ONNX Runtime, always on the processor
        (lambda file, device: keras_network(file, device=device), "asked for"),
    ):
        monkeypatch.setattr(model_latency, "open_network", opened)
        latency = model_latency.measure_latency(run, read_config(run), asked)
        assert latency.device == device
        assert latency.batch_size == read_config(run).fit.evaluation_batch_size
        assert latency.ms_per_review > 0
