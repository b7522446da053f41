import subprocess
import sys
from pathlib import Path

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
