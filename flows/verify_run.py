"""Verify a run by `python flows/verify_run.py artifacts/runs/<utc>-<id>`, or its `--files`."""

import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from flows import train_command
from flows.command_line import fail
from flows.train_command import TrainOptions
from tasks.artifact_store import ArtifactStore
from tasks.errors import PipelineError
from tasks.fetch_reviews import fetch_reviews
from tasks.run_manifest import Manifest, read_manifest
from tasks.training_config import TrainingConfig
from tasks.verify_run import (
    changed_source,
    environment_differences,
    first_difference,
    repeatable_accelerator,
    repeatable_source,
    share_downloads,
)

app = App(name="verify_run.py", help="Check a run's files, and repeat it to compare its results.")
_CONSOLE = Console(highlight=False, soft_wrap=True)


@app.default
def verify_run(
    run: Annotated[Path, Parameter(help="A run folder, artifacts/runs/<utc>-<id>.")],
    *,
    files: Annotated[bool, Parameter(help="Check the files only.", negative=())] = False,
) -> None:
    """Compare a run's files with its manifest, then its results with those of a second run."""
    try:
        manifest = read_manifest(run)
        faults = manifest.faults(run)
        if faults:
            fail(f"{run}: {'; '.join(faults)}")
        _CONSOLE.print(f"All {len(manifest.files)} files are as recorded.")
        if not files:
            _compare(manifest, _repeat(run, manifest))
    except PipelineError as error:
        fail(str(error))


def _repeat(run: Path, manifest: Manifest) -> Manifest:
    """Run the flow again in a scratch folder and return the manifest of that run."""
    train_command.begin_process()
    from flows import prefect_session
    from flows.train_flow import train_flow

    config = TrainingConfig.model_validate_json((run / "config.json").read_bytes())
    source = repeatable_source(config.source, manifest.source)
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        scratch = ArtifactStore(Path(folder))
        share_downloads(ArtifactStore(run.absolute().parent.parent), scratch)
        changed = changed_source(manifest.source, fetch_reviews(source, scratch.open()))
        if changed:
            fail(f"{changed}; without it the run cannot be repeated")
        summary = prefect_session.run_flow(
            train_flow,
            TrainOptions(
                config=config.model_copy(update={"source": source}),
                accelerator=repeatable_accelerator(manifest.device),
                artifacts=scratch.root,
            ),
        )
        return read_manifest(summary.folder)


def _compare(recorded: Manifest, repeated: Manifest) -> None:
    environment = environment_differences(recorded, repeated.device)
    if environment:
        _CONSOLE.print(f"This machine differs from the recorded one: {'; '.join(environment)}")
    difference = first_difference(recorded, repeated)
    if difference is None:
        _CONSOLE.print("Verified: data, weights, history, predictions and metrics are equal.")
        return
    advice = "" if environment else ", though the machine and the libraries are the same"
    fail(f"the repeated run differs; {difference}{advice}")


if __name__ == "__main__":
    app()
