"""Execute a notebook in a kernel of its own: `python -m tests.support.notebook FILE` renews it."""

import copy
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

_LIMIT_S = 600


def execute(file: Path, folder: Path) -> nbformat.NotebookNode:
    """Return the notebook with the outputs of now, executed in `folder`.

    Raises:
        CellExecutionError: A cell ends with an exception; shows the cell.
    """
    notebook = nbformat.read(file, as_version=4)
    kept = copy.deepcopy(notebook.metadata)
    NotebookClient(
        notebook,
        timeout=_LIMIT_S,
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    notebook.metadata = kept  # else the version of this Python
    return notebook


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        nbformat.write(execute(Path(sys.argv[1]), Path(scratch)), sys.argv[1])
