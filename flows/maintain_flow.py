"""Maintenance: remove the runs, cached results and leftovers that nobody needs any more.

Start it with `python flows/maintain_flow.py`, which only shows what would go; `--apply` removes it.
"""

from flows import train_command

train_command.begin_process()

from datetime import UTC, datetime, timedelta  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated, Any  # noqa: E402

from cyclopts import App, Parameter  # noqa: E402
from prefect import State, flow, runtime, task  # noqa: E402
from prefect.artifacts import create_table_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from rich.filesize import decimal  # noqa: E402

from flows import prefect_session, skipped  # noqa: E402
from flows.command_line import ARTIFACTS, ArtifactsOption, show_lines  # noqa: E402
from flows.failure_hook import keep_failure_record  # noqa: E402
from flows.scheduled_turn import scheduled_turn  # noqa: E402
from tasks.apply_retention import apply_retention  # noqa: E402
from tasks.artifact_inventory import take_inventory  # noqa: E402
from tasks.artifact_store import ArtifactStore  # noqa: E402
from tasks.champion import ChampionStore  # noqa: E402
from tasks.errors import FolderInUseError  # noqa: E402
from tasks.folder_lock import alone_in  # noqa: E402
from tasks.pinned_runs import pinned_runs  # noqa: E402
from tasks.plan_retention import Removal, plan_retention  # noqa: E402
from tasks.promotion_event import champions_since  # noqa: E402
from tasks.retention_config import RetentionConfig  # noqa: E402
from tasks.tables import Table, number  # noqa: E402

app = App(
    name="maintain_flow.py",
    help="Remove what nobody needs any more; without --apply only show it.",
    version_flags=[],
)


@task(name="plan", cache_policy=NO_CACHE)
def plan(artifacts: Path, retention: RetentionConfig) -> list[Removal]:
    """Return what is not needed any more, in the order of removal."""
    now = datetime.now(UTC)
    since = now - timedelta(days=retention.keep_champions_days)
    champions = champions_since(ChampionStore(artifacts).events(), since)
    protected = champions.union(pinned_runs(artifacts))
    inventory = take_inventory(ArtifactStore(artifacts))
    return plan_retention(inventory, protected, retention, now.timestamp())


@task(name="remove", cache_policy=NO_CACHE)
def remove(removals: list[Removal]) -> int:
    """Remove all of it and return the bytes that were freed."""
    return apply_retention(removals)


@flow(
    name="maintain-artifacts",
    description="Remove the runs, cached results and leftovers that nobody needs any more.",
    on_failure=[keep_failure_record],
    on_crashed=[keep_failure_record],
)
def maintain_flow(
    retention: RetentionConfig = RetentionConfig(),
    artifacts: Path = Path("artifacts"),
    apply: bool = False,  # noqa: FBT001, FBT002 - a parameter of the run form
) -> list[Removal] | State[Any]:
    """Plan, and where that is asked for remove; return what went or would go.

    A scheduled one ends as Skipped where a run goes on: the next one does its work.

    Args:
        retention: How much is kept, and for how long.
        artifacts: Folder of the cache and the runs.
        apply: Whether anything is removed.
    """
    prefect_session.show_our_logs()
    prefect_session.show_plain_errors()
    with scheduled_turn(artifacts, maintain_flow.name) as reason_not_to_run:
        if reason_not_to_run is not None:
            return skipped.not_done(reason_not_to_run)
        try:
            with alone_in(artifacts), ChampionStore(artifacts).deciding():
                removals = plan(artifacts, retention)
                if apply:
                    remove(removals)
        except FolderInUseError as in_use:
            if runtime.deployment.id is None:
                raise
            return skipped.not_done(str(in_use))
    create_table_artifact(
        key="retention",
        table=[removal.model_dump(include={"kind", "name", "why", "size"}) for removal in removals],
        description="What was removed." if apply else "What would be removed with `apply`.",
    )
    return removals


@app.default
def maintain(
    *,
    retention: Annotated[RetentionConfig, Parameter(name="*")] = RetentionConfig(),
    artifacts: ArtifactsOption = ARTIFACTS,
    apply: Annotated[bool, Parameter(help="Remove it.", negative=())] = False,
) -> None:
    """Show what nobody needs any more, and remove it with --apply."""
    parameters = {"retention": retention, "artifacts": artifacts, "apply": apply}
    removals = prefect_session.call_flow(maintain_flow, artifacts, parameters, lambda _: 1 + apply)
    assert isinstance(removals, list), "only a scheduled run is skipped"
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


if __name__ == "__main__":
    app()
