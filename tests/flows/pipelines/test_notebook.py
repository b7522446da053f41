"""The notebook of the docs runs as it stands, and its stored outputs are those of such a run."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.support.notebook import execute

NOTEBOOK = Path(__file__).parents[3] / "docs/notebook.ipynb"


def structure(cell: nbformat.NotebookNode) -> list[tuple[str, list[str]]]:
    """Return the kinds of outputs of a cell: what is in them has times and names of runs."""
    outputs = cell.get("outputs", [])
    return [(output.output_type, sorted(output.get("data", {}))) for output in outputs]


def test_its_cells_run_outside_the_repository_one_after_the_other(
    tmp_path: Path,
    prefect_server: str,  # noqa: ARG001 - the runs report there
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In this process and on a tenth of the reviews: a kernel would import all of it again."""
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    cells = [one for one in nbformat.read(NOTEBOOK, as_version=4).cells if one.cell_type == "code"]
    written, *others = (cell.source for cell in cells)
    assert "num_rows, 6)" in written
    known: dict[str, Any] = {}
    for source in (written.replace("num_rows, 6)", "num_rows, 60)"), *others):
        exec(source, known)
    plt.close(known["figure"])  # a kernel takes it with it, this process lives on
    assert known["trigrams"].folder.parent == tmp_path / "artifacts/runs"
    assert known["words"].score.test_reviews > 50


@pytest.mark.slow
def test_it_runs_outside_the_repository_and_its_outputs_are_stored(
    tmp_path: Path, prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    stored = nbformat.read(NOTEBOOK, as_version=4)
    executed = execute(NOTEBOOK, tmp_path)
    assert [*map(structure, executed.cells)] == [*map(structure, stored.cells)]
    assert len(list((tmp_path / "artifacts/runs").iterdir())) == 2


def test_what_is_stored_names_no_folder_of_a_machine_and_no_review() -> None:
    stored = NOTEBOOK.read_text(encoding="utf-8")
    assert not re.findall(r"/(?:tmp|home|Users|root)/", stored)
    assert "<br" not in stored  # of which the reviews are full
