"""What Prefect's UI shows of a finished run: a report, and tables of metrics, data and steps.

Their keys are the same in every run, so that the UI lines the runs up as versions.
"""

from pathlib import Path

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.display.run_markdown import report_markdown
from tasks.reports.tables import run_tables
from tasks.reports.verdict import run_notes, run_verdict
from tasks.runs.manifest import read_manifest


def publish(folder: Path) -> None:
    """Show a finished run on the current flow run."""
    manifest = read_manifest(folder)
    verdict, notes = run_verdict(folder, manifest), run_notes(folder, manifest)
    create_markdown_artifact(
        report_markdown(folder, manifest, verdict, notes),
        key="report",
        description=f"Test accuracy {verdict.sentence.removeprefix('accuracy ')}",
    )
    for key, table in run_tables(folder, manifest).items():
        create_table_artifact(table.records(), key=key, description=table.title)
