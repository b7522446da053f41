"""Maintenance: remove the runs, cached results and leftovers that nobody needs any more."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import State, flow, runtime, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.display.runs_page import renew_runs_page
from flows.orchestration import session
from flows.orchestration.failure_hook import RECORDED
from flows.scheduling.scheduled_turn import scheduled_turn
from flows.scheduling.states import not_done
from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import FolderInUseError
from tasks.common.locks import alone_in
from tasks.config.operations import RetentionConfig
from tasks.operations.inventory import take_inventory
from tasks.operations.retention import Removal, apply_retention, plan_retention
from tasks.registry.champion import ChampionStore
from tasks.registry.events import champions_since
from tasks.runs.pins import pinned_runs


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
    **RECORDED,
)
def maintain_flow(
    retention: RetentionConfig = RetentionConfig(),
    artifacts: Path = Path("artifacts"),
    apply: bool = False,  # noqa: FBT001, FBT002 - a parameter of the run form
) -> list[Removal] | State[Any]:
    """Plan, and where requested, remove; return what went or would go.

    A scheduled one ends as Skipped where a run is in progress: the next one does its work.

    Args:
        retention: How much is kept, and for how long.
        artifacts: Folder of the cache and the runs.
        apply: Whether anything is removed.
    """
    session.begin_flow()
    with scheduled_turn(artifacts, maintain_flow.name) as reason_not_to_run:
        if reason_not_to_run is not None:
            return not_done(reason_not_to_run)
        try:
            # Only a removal keeps others out, for which it writes there.
            with ExitStack() as locks:
                if apply:
                    locks.enter_context(alone_in(artifacts))
                    locks.enter_context(ChampionStore(artifacts).deciding())
                removals = plan(artifacts, retention)
                if apply:
                    remove(removals)
                    renew_runs_page(artifacts)
        except FolderInUseError as in_use:
            if runtime.deployment.id is None:
                raise
            return not_done(str(in_use))
    create_table_artifact(
        key="retention",
        table=[removal.model_dump(include={"kind", "name", "why", "size"}) for removal in removals],
        description="What was removed." if apply else "What would be removed with `apply`.",
    )
    return removals


def run_maintenance(retention: RetentionConfig, artifacts: Path, *, apply: bool) -> list[Removal]:
    """Run the flow for a person; return what went or would go."""
    parameters = {"retention": retention, "artifacts": artifacts, "apply": apply}
    removals = session.call_flow(maintain_flow, artifacts, parameters, lambda _: 1 + apply)
    assert isinstance(removals, list), "only a scheduled run is skipped"
    return removals
