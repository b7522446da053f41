"""The names, tags and notes of runs: in the run folder, but no part of what its manifest seals."""

from pathlib import Path

from tasks.common.records import read_record, write_record
from tasks.config.commands import spelled
from tasks.config.naming import Naming
from tasks.runs.manifest import NAMING


def read_naming_of(folder: Path) -> Naming:
    """Return what the run in a folder is called, nothing where that is missing or damaged."""
    return read_record(Naming, folder / NAMING) or Naming()


def naming_fault(folder: Path) -> str | None:
    """Return what is wrong with the file, None where it is whole or where there is none."""
    file = folder / NAMING
    if not file.exists() or read_record(Naming, file) is not None:
        return None
    return f"{file} is damaged; name the run again with: {spelled('runs tag')} RUN --name NAME"


def write_naming(folder: Path, naming: Naming) -> None:
    """Say what the run in a folder is called, whole or not at all."""
    write_record(folder / NAMING, naming)
