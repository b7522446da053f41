"""Command line of the maintenance: what would go, or what went."""

from typing import Annotated

from cyclopts import Parameter
from rich.filesize import decimal

from flows.cli.help import command_app
from flows.display.terminal import ARTIFACTS, ArtifactsOption, show_lines
from flows.orchestration.process import begin_process
from tasks.common.tables import Table, number
from tasks.config.operations import RetentionConfig
from tasks.operations.retention import Removal

app = command_app("maintain")


@app.default
def maintain(
    *,
    retention: Annotated[RetentionConfig, Parameter(name="*")] = RetentionConfig(),
    artifacts: ArtifactsOption = ARTIFACTS,
    apply: Annotated[bool, Parameter(help="Remove it.", negative=())] = False,
) -> None:
    """Remove what nobody needs any more; without --apply only show it."""
    begin_process(for_run=True)
    from flows.pipelines.maintain import run_maintenance

    removals = run_maintenance(retention, artifacts, apply=apply)
    total = decimal(sum(removal.size for removal in removals))
    show_lines(
        _table(removals), f"{total} {'removed.' if apply else 'would go; --apply removes it.'}"
    )


def _table(removals: list[Removal]) -> Table:
    """Return a table of the runs one by one, and of the rest by kind."""
    rows = [
        ["run", removal.name, removal.why, decimal(removal.size)]
        for removal in removals
        if removal.kind == "run"
    ]
    for kind in dict.fromkeys(removal.kind for removal in removals if removal.kind != "run"):
        same = [removal for removal in removals if removal.kind == kind]
        size = decimal(sum(removal.size for removal in same))
        rows.append([kind, f"{len(same)} of them", same[0].why, size])
    return Table("kind", "name", "why", number("size"), rows=rows)
