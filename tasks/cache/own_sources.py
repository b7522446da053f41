"""The source text of the project's own modules: as this process began with it, and as it is now.

A process keeps running the code that it has imported, whatever happens to the files since.
"""

import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path

OUR_PACKAGES = ("tasks", "flows")


@cache
def sources_at_start() -> Mapping[str, str]:
    """Return the source text of each module by its dotted name, as it was at the first call.

    The first call belongs at the very start of a process, so that this is the code it runs.
    """
    found = {}
    for package in OUR_PACKAGES:
        folder = _folder(package)
        if folder is None:
            continue
        for file in sorted(folder.rglob("*.py")):
            parts = (package, *file.relative_to(folder).with_suffix("").parts)
            module = ".".join(part for part in parts if part != "__init__")
            found[module] = file.read_text(encoding="utf-8")
    return found


def source_at_start(module: str) -> str | None:
    """Return the text that this process began with, None where it is none of ours."""
    return sources_at_start().get(module)


def source_now(module: str) -> str | None:
    """Return the text that the module's file has now, None where there is none."""
    package, *rest = module.split(".")
    folder = _folder(package) if package in OUR_PACKAGES else None
    if folder is None:
        return None
    path = folder.joinpath(*rest)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return None


def _folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None
