"""Explain a run: which steps were cached, and for each other what had changed.

`python flows/explain_run.py artifacts/runs/<utc>-<id>`
"""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.text import Text

from flows.command_line import fail, show_lines
from flows.train_command import headline
from tasks.errors import PipelineError
from tasks.report_tables import steps_table
from tasks.run_manifest import read_manifest

app = App(name="explain_run.py", help="Show why each step of a run was cached or computed.")


@app.default
def explain_run(
    run: Annotated[Path, Parameter(help="A run folder, artifacts/runs/<utc>-<id>.")],
) -> None:
    """Print the score of a finished run and the table of its steps."""
    try:
        manifest = read_manifest(run)
    except PipelineError as error:
        fail(str(error))
    show_lines(Text(headline(manifest.score), style="bold"), steps_table(manifest.steps))


if __name__ == "__main__":
    app()
