"""The example units must name nothing that does not exist, and systemd must take them."""

import getpass
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config.operations import HEARTBEAT_SECONDS, MonitoringConfig
from tests.support.servers.deploy_files import UNITS, settings

ROOT = Path(__file__).parents[3]

INSTALLED, USER = "/opt/sentiment", "User=sentiment"


def options(unit: Path) -> dict[str, str]:
    """Return the options of a unit; none stands there twice."""
    pairs = re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_there_is_a_unit_for_the_server_the_schedules_and_a_worker() -> None:
    names = ["sentiment-serve.service", "sentiment-server.service", "sentiment-worker@.service"]
    assert [unit.name for unit in UNITS] == names


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_no_fault_in_a_unit(unit: Path, tmp_path: Path) -> None:
    for other in UNITS:
        text = other.read_text().replace(INSTALLED, str(ROOT))
        text = text.replace(f"{ROOT}/.venv/bin", str(Path(sys.executable).parent))
        text = text.replace(USER, f"User={getpass.getuser()}")
        (tmp_path / other.name).write_text(text)
    name = unit.name.replace("@", "@1")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in checked.stderr.splitlines() if "sentiment" in line]
    assert (checked.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_program_and_file_of_a_unit_exists(unit: Path) -> None:
    given = options(unit)
    assert given["WorkingDirectory"] == INSTALLED
    assert given["EnvironmentFile"] == "/etc/sentiment/prefect.env"
    for name in ("ExecStartPre", "ExecStart"):
        program, *words = shlex.split(given.get(name, f"{INSTALLED}/.venv/bin/python"))
        assert (
            Path(sys.executable).parent / program.removeprefix(f"{INSTALLED}/.venv/bin/")
        ).exists()
        assert [w for w in words if w.endswith(".py") and not (ROOT / w).is_file()] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_comes_back_and_stops_as_its_runs_do(unit: Path) -> None:
    given = options(unit)
    assert given["Restart"] == "always"
    assert given["KillSignal"] == "SIGTERM"
    if "server.service" not in unit.name:
        # The runs have half a minute to end; systemd itself must not signal them.
        assert given["KillMode"] == "mixed"
        assert int(given["TimeoutStopSec"]) > 2 * 30


def test_prefect_takes_every_setting_of_the_environment_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from prefect.settings.models.root import Settings

    given = settings(commented=True)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    taken = Settings().to_environment_variables(exclude_unset=True)
    assert set(given) - set(taken) == {"DO_NOT_TRACK"}


def test_the_heartbeat_of_the_environment_file_fits_what_the_server_waits_for() -> None:
    given = settings()
    heartbeat = int(given["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert heartbeat == HEARTBEAT_SECONDS
    assert MonitoringConfig().silent_seconds >= 3 * heartbeat
