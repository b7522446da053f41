"""What a run ran on: versions of libraries, the machine, the state of the source."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

from tasks.common.device import processor_cores, tensorflow_threads

_LIBRARIES = (
    "tensorflow",
    "keras",
    "numpy",
    "scikit-learn",
    "pyarrow",
    "matplotlib",
    "prefect",
    "pydantic",
)

_GIT_LIMIT_S = 10


def library_versions() -> dict[str, str]:
    """Return the installed versions of Python, of this project and of what it computes with."""
    names = ("sentiment-training-pipeline", *_LIBRARIES)
    versions = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version()} | versions


def describe_machine() -> dict[str, Any]:
    """Return the operating system, processor, and the cores and threads to compute with."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": processor_cores(),
        "threads": tensorflow_threads(),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def describe_source() -> dict[str, Any]:
    """Return the git commit of the source, and whether files differ; both None without git."""
    root = Path(__file__).parents[2]
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": bool(changes) if commit else None}


def _git(folder: Path, *arguments: str) -> str | None:
    if not (folder / ".git").exists():
        return None
    try:
        result = subprocess.run(  # noqa: S603 - fixed commands
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            text=True,
            timeout=_GIT_LIMIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
