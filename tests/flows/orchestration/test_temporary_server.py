"""A temporary server ends with its process, and is started early only where none may be set up."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from flows.orchestration import process
from tests.support.polling import wait_for
from tests.support.servers.prefect_home import prefect_environment, prepare_home

_HOLDER = """
from flows.orchestration.temporary_server import temporary_server
server = temporary_server()
server.wait(120)
print(server.process.pid, flush=True)
input()
"""


def test_the_server_of_a_process_that_is_killed_ends(tmp_path: Path) -> None:
    prepare_home(tmp_path)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER],
        env=prefect_environment(tmp_path),
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        server = psutil.Process(int(holder.stdout.readline()))
        assert not _has_ended(server)
        holder.kill()
    assert wait_for(lambda: _has_ended(server))


def _has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)  # where nobody reaps orphans
    except psutil.NoSuchProcess:
        return True


def _toml(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "pyproject.toml").write_text(text)


@pytest.mark.parametrize(
    ("settings", "prepare", "starts"),
    [
        ({}, Path.exists, True),
        ({}, _toml('[project]\ndependencies = ["prefect"]\n'), True),
        ({}, _toml('[tool.prefect.api]\nurl = "http://127.0.0.1:9/api"\n'), False),
        ({}, lambda folder: (folder / "prefect.toml").touch(), False),
        ({}, lambda folder: (folder / ".env").touch(), False),
        ({}, lambda folder: (folder / "home/profiles.toml").touch(), False),
        ({"PREFECT_API_URL": "http://127.0.0.1:9/api"}, Path.exists, False),
        ({"PREFECT_SERVER_EPHEMERAL_ENABLED": "false"}, Path.exists, False),
        ({"PREFECT_PROFILE": "mine"}, Path.exists, False),
    ],
)
def test_a_server_is_started_early_only_where_no_setting_may_say_otherwise(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    prepare: Callable[[Path], object],
    starts: bool,
) -> None:
    (tmp_path / "home").mkdir()
    prepare(tmp_path)
    for name in process._CHOOSE_SERVER | {"PREFECT_PROFILES_PATH"}:
        monkeypatch.delenv(name, raising=False)
    for name, value in (settings | {"PREFECT_HOME": str(tmp_path / "home")}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    started: list[bool] = []
    monkeypatch.setattr(process, "temporary_server", lambda: started.append(True))
    # Not taken out of sys.modules itself: Prefect's threads may import it again meanwhile.
    monkeypatch.setattr(process, "sys", SimpleNamespace(modules={}, stdout=sys.stdout))
    monkeypatch.setattr(process, "require_prefect", lambda: None)
    process.begin_process(for_run=True)
    assert bool(started) == starts
    process.begin_process()
    assert len(started) == starts
