"""Start the flow as a user does, in a process of its own that can be killed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_LIMIT_S = 240
_ROOT = Path(__file__).parent.parent

SMALL = [
    "--num-words=40",
    "--maxlen=12",
    "--embedding-dim=4",
    "--filters=4",
    "--kernel-size=3",
    "--pool-size=2",
    "--lstm-units=3",
    "--last-lstm-units=2",
    "--epochs=5",
    "--stop-patience=9",
    "--batch-size=2",
    "--learning-rate=0.01",
]


def start_terminal_run(
    folder: Path,
    reviews: Path,
    home: Path,
    artifacts: Path = Path("artifacts"),
    **environment: str,
) -> subprocess.Popen[bytes]:
    """Start the flow with its log in `run.log`, in a process group of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [
        sys.executable,
        str(_ROOT / "flows/train_flow.py"),
        *SMALL,
        f"--artifacts={artifacts}",
    ]
    with (folder / "run.log").open("w") as log:
        return subprocess.Popen(
            [*command, "--source=files", f"--train-file={reviews}"],
            cwd=folder,
            env=kept | {"PREFECT_HOME": str(home), "CUDA_VISIBLE_DEVICES": "-1"} | environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for_line(folder: Path, process: subprocess.Popen[bytes], part: str) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while part not in (log := (folder / "run.log").read_text()):
        assert process.poll() is None, log
        assert time.monotonic() < deadline, log
        time.sleep(0.05)


def finish(process: subprocess.Popen[bytes], folder: Path) -> tuple[dict[str, Any], bytes, str]:
    """Return weights hashes, history and log of the run that ends in `folder`."""
    status = process.wait(_LIMIT_S)
    log = (folder / "run.log").read_text()
    assert status == 0, log
    (run,) = (folder / "artifacts/runs").iterdir()
    manifest = json.loads((run / "manifest.json").read_text())
    return manifest["weights"], (run / "history.json").read_bytes(), log
