"""The step after a recorded run: ask for its promotion, and show what came of it."""

import logging
from functools import partial
from pathlib import Path

from prefect import runtime, task
from prefect.artifacts import create_markdown_artifact

from flows.display.promotion_tables import (
    HISTORY,
    champion_description,
    champion_markdown,
    decision_markdown,
)
from flows.display.run_display import ENDING
from tasks.cache.runner import TASK_OPTIONS, in_state
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import Device
from tasks.config.promotion import PromotionConfig
from tasks.registry.champion import ChampionStore
from tasks.registry.events import Decision
from tasks.run_summary import RunSummary
from tasks.runs.find import find_run

_LOG = logging.getLogger(__name__)


@task(name="promote", task_run_name="promote {folder.name}", **TASK_OPTIONS)
def _promote(
    folder: Path,
    promotion: PromotionConfig,
    who: str,
    reason: str,
    device: Device,
    store: ArtifactStore,
) -> Decision:
    """Make the run the champion if it passes all gates; a refusal is no failure."""
    from tasks.registry import ask_model, promote

    run = find_run(store.root, str(folder))
    asked = partial(ask_model.ask_model, artifacts=store, device=device)
    ask = partial(promote.promote, store.root, run, promotion, asked, who=who, reason=reason)
    decision = promote.decision_of(store.root, ask)
    return in_state(decision.kind.capitalize(), decision.headline, decision)


def promote_run(
    summary: RunSummary,
    promotion: PromotionConfig,
    title: str,
    device: Device,
    store: ArtifactStore,
) -> RunSummary:
    """Decide on a recorded run, publish the decision, and return the summary with it."""
    who = f"flow run {title}"
    reason = f"promotion was requested when the run was started (id {runtime.flow_run.id})"
    state = _promote(summary.folder, promotion, who, reason, device, store, return_state=True)
    decision = state.result()
    _LOG.info("%s", decision.headline, extra=ENDING)
    create_markdown_artifact(
        decision_markdown(decision), key="promotion", description=decision.headline
    )
    events = ChampionStore(store.root).events()
    create_markdown_artifact(
        champion_markdown(events), key=HISTORY, description=champion_description(events)
    )
    return summary.model_copy(update={"promotion": decision})
