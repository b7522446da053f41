"""Remove what retention has planned; safe to be killed at any moment."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from tasks.atomic_files import sync_folder, temporary_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tasks.plan_retention import Removal

_LOG = logging.getLogger(__name__)


def apply_retention(removals: Iterable[Removal]) -> int:
    """Remove everything in the order of the plan and return the bytes that were freed.

    A folder is first renamed to what a killed process leaves, so that nobody sees a part of
    it; the next maintenance removes what remains of it.

    Raises:
        OSError: Something cannot be removed; what was removed before stays so.
    """
    freed = 0
    for removal in removals:
        for path in removal.paths:
            _remove(path)
        freed += removal.size
        _LOG.info("removed the %s %s: %s", removal.kind, removal.name, removal.why)
    return freed


def _remove(path: Path) -> None:
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    hidden = temporary_path(path.parent)
    path.replace(hidden)
    sync_folder(path.parent)
    shutil.rmtree(hidden)
