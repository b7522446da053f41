"""Records as readable JSON files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.atomic_files import write_text
from tasks.canonical_json import readable_json

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.records import Record


def write_record(file: Path, record: Record) -> None:
    """Write a record, whole or not at all, into a folder that is made where it is missing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, readable_json(record.model_dump(mode="json")))
