"""The step after a recorded run: ask for its promotion, and show what came of it."""

import logging

from prefect import runtime
from prefect.artifacts import create_markdown_artifact

from flows.display.promotion_tables import (
    HISTORY,
    champion_description,
    champion_markdown,
    decision_markdown,
)
from flows.display.run_display import ENDING
from tasks import steps
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import Device
from tasks.config.promotion import PromotionConfig
from tasks.registry.champion import ChampionStore
from tasks.run_summary import RunSummary

_LOG = logging.getLogger(__name__)


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
    state = steps.promote(summary.folder, promotion, who, reason, device, store, return_state=True)
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
