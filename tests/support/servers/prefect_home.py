"""Prefect homes of tests: they have their database, as making its tables takes five seconds."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import prefect
from filelock import FileLock

_MADE = Path(__file__).parents[3] / f".pytest_cache/prefect-{prefect.__version__}.db"


def prefect_environment(home: Path, **own: str) -> dict[str, str]:
    """Return this process's environment with settings for Prefect of its own, and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return kept | {"PREFECT_HOME": str(home)} | own


def prepare_home(home: Path) -> None:
    """Make the folder, with the empty database that the first start of a server would make."""
    home.mkdir(parents=True, exist_ok=True)
    database = home / "prefect.db"
    if not database.exists():
        _MADE.parent.mkdir(exist_ok=True)
        with FileLock(_MADE.with_suffix(".lock")):
            if not _MADE.exists():
                _make_database()
        shutil.copyfile(_MADE, database)


def _make_database() -> None:
    """Let Prefect make its tables, which takes nine seconds of processor time."""
    with tempfile.TemporaryDirectory(dir=_MADE.parent) as home:
        subprocess.run(
            [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"],
            env=os.environ | {"PREFECT_HOME": home},
            check=True,
            capture_output=True,
        )
        (Path(home) / "prefect.db").replace(_MADE)
