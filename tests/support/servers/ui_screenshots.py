"""Take the screenshots of Prefect's UI in `docs/` from a real run.

From the project's folder, with options of `flows/train_flow.py` after the folder's name:
`python -m tests.support.servers.ui_screenshots docs --source imdb`. The run has to train for two
epochs at least.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from prefect.deployments.runner import RunnerDeployment

from tests.support.servers.prefect_pages import ask, prefect_page
from tests.support.servers.real_server import prefect_server_process, talk_to

_UI = "v1"

_COLOURS = 128

_SHOWN = {
    "ui_progress": ["progress"],
    "run_form": ["Promote", "Submit"],
    "ui_report": ["Test accuracy "],
}


def take_screenshots(folder: Path, options: list[str]) -> None:
    """Write `run_form.png`, `ui_progress.png` in the second epoch, and at last `ui_report.png`."""
    with (
        tempfile.TemporaryDirectory() as home,
        prefect_server_process(Path(home)) as (api, _),
        subprocess.Popen(
            [sys.executable, "flows/train_flow.py", *options],
            env=os.environ | {"PREFECT_API_URL": api, "PREFECT_HOME": home},
        ) as run,
    ):
        _shoot(api, _form(api), folder / "run_form.png", 1240)
        bar = _wait_for_bar(api, run)
        _shoot(api, f"/runs/flow-run/{bar['flow_run_id']}", folder / "ui_progress.png", 980)
        assert run.wait() == 0
        (report,) = _artifacts(api, "report")
        _shoot(api, f"/artifacts/artifact/{report['id']}", folder / "ui_report.png", 1240)


def _form(api: str) -> str:
    """Return the path of the short form, which this process deploys."""
    from flows.pipelines.train_form import train_from_form

    with talk_to(api):
        deployment = train_from_form.to_deployment("simple")
        assert isinstance(deployment, RunnerDeployment)
        return f"/deployments/deployment/{deployment.apply()}/run"


def _artifacts(api: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(api, "artifacts", artifacts={"key": {"any_": [key]}})
    return found


def _wait_for_bar(api: str, run: subprocess.Popen[bytes]) -> dict[str, Any]:
    while run.poll() is None:
        for bar in _artifacts(api, "progress"):
            if bar["description"].startswith("epoch 2 of "):
                return bar
        time.sleep(0.5)
    raise RuntimeError("the run ended without a second epoch")


def _shoot(api: str, path: str, file: Path, height: int) -> None:
    from PIL import Image

    tab = "Artifacts" if "flow-run" in path else None
    with prefect_page(api, _UI, path, _SHOWN[file.stem], height=height, tab=tab) as opened:
        opened.page.screenshot(path=file)
    # Two thirds smaller than what the browser writes.
    Image.open(file).convert("RGB").quantize(_COLOURS).save(file, optimize=True)


if __name__ == "__main__":
    take_screenshots(Path(sys.argv[1]), sys.argv[2:])
