"""The source text of the project's own modules: as this process began with it, and as it is now.

A process keeps running the code that it has imported, whatever happens to the files since.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

OUR_PACKAGES = ("tasks", "flows")

_ROOT = Path(__file__).parents[2]


@cache
def sources_at_start() -> Mapping[str, str]:
    """Return the source text of each module by its dotted name, as it was at the first call.

    The first call belongs at the very start of a process, so that this is the code it runs.
    """
    files = [file for package in OUR_PACKAGES for file in sorted((_ROOT / package).rglob("*.py"))]
    return {_module(file): file.read_text(encoding="utf-8") for file in files}


def source_at_start(module: str) -> str | None:
    """Return the text that this process began with, None where it is none of ours."""
    return sources_at_start().get(module)


def source_now(module: str) -> str | None:
    """Return the text that the module's file has now, None where there is none."""
    path = _ROOT.joinpath(*module.split("."))
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), None)


def python_path() -> str:
    """Return the PYTHONPATH for a child process, ahead of other packages that are named as ours."""
    return os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))


def _module(file: Path) -> str:
    parts = file.relative_to(_ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")
