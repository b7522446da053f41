"""Explain a finished run, or verify it: check its files, then repeat it and compare."""

import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from flows.cli.help import RunName, command_app
from flows.cli.train import run_here
from flows.display.run_tables import headline
from flows.display.terminal import ARTIFACTS, ArtifactsOption, TrustOption, fail, show_lines
from flows.orchestration.process import begin_process
from tasks.common.artifact_store import ArtifactStore
from tasks.config.request import TrainOptions
from tasks.data.fetch import fetch_reviews
from tasks.model.own.archive import network_of_model
from tasks.reports.tables import steps_table
from tasks.runs.find import Run, find_run
from tasks.runs.manifest import Manifest, read_manifest
from tasks.runs.read import BEST_MODEL, checked_file, read_config
from tasks.runs.verify import (
    changed_source,
    environment_differences,
    first_difference,
    repeatable_accelerator,
    repeatable_source,
    share_downloads,
)

explain_app = command_app("explain")

verify_app = command_app("verify")


@explain_app.default
def explain_run(
    run: RunName,
    *,
    artifacts: ArtifactsOption = ARTIFACTS,
) -> None:
    """Show why each step of a run was cached or computed."""
    manifest = find_run(artifacts, run).manifest
    show_lines(Text(headline(manifest.score), style="bold"), steps_table(manifest.steps))


@verify_app.default
def verify_run(
    run: RunName,
    *,
    files: Annotated[bool, Parameter(help="Check the files only.", negative=())] = False,
    trust_code: TrustOption = None,  # noqa: ARG001 - its validator trusts
    artifacts: ArtifactsOption = ARTIFACTS,
) -> None:
    """Check a run's files, and repeat it to compare its results."""
    found = find_run(artifacts, run)
    manifest = found.manifest
    if faults := manifest.faults(found.folder):
        fail(f"{found.folder}: {'; '.join(faults)}")
    show_lines(f"All {len(manifest.files)} files are as recorded.")
    if not files:
        _compare(manifest, _repeat(found))


def _repeat(run: Run) -> Manifest:
    """Run the flow again in a scratch folder and return the manifest of that run."""
    begin_process(for_run=True)
    manifest, config = run.manifest, read_config(run)
    source = repeatable_source(config.source, manifest.source)
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        scratch = ArtifactStore(Path(folder))
        share_downloads(ArtifactStore(run.folder.absolute().parent.parent), scratch)
        changed = changed_source(manifest.source, fetch_reviews(source, scratch.open()))
        if changed:
            fail(f"{changed}; without it the run cannot be repeated")
        network = network_of_model(config.network, checked_file(run, BEST_MODEL), scratch.root)
        summary = run_here(
            TrainOptions(
                config=config.model_copy(update={"source": source, "network": network}),
                accelerator=repeatable_accelerator(manifest.device),
                artifacts=scratch.root,
            ),
        )
        return read_manifest(summary.folder)


def _compare(recorded: Manifest, repeated: Manifest) -> None:
    environment = environment_differences(recorded, repeated.device)
    if environment:
        show_lines(f"This machine differs from the recorded one: {'; '.join(environment)}")
    difference = first_difference(recorded, repeated)
    if difference is None:
        show_lines("Verified: data, weights, history, predictions and metrics are equal.")
        return
    advice = "" if environment else ", though the machine and the libraries are the same"
    fail(f"the repeated run differs; {difference}{advice}")
