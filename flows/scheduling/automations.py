"""What the Prefect server does by itself: close runs that died, report runs that failed."""

from datetime import timedelta
from typing import Any, Literal, cast
from uuid import UUID

from prefect import get_client
from prefect.automations import AutomationCore, EventTrigger
from prefect.blocks.webhook import Webhook
from prefect.client.schemas.objects import StateType
from prefect.events import ResourceSpecification
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.automations import Posture
from pydantic import HttpUrl

from flows.scheduling.our_flows import OUR_FLOWS
from flows.scheduling.prefect_contracts import HEARTBEAT, state_event
from flows.scheduling.states import INTERRUPTED, SKIPPED

CLOSE_SILENT_RUNS = "sentiment: close silent runs"
NOTIFY_OF_FAILURES = "sentiment: notify of failures"
Change = Literal["created", "updated", "unchanged"]

# After these no heartbeat is due.
_ENDS = ("Completed", "Failed", "TimedOut", "Cancelled", SKIPPED, "Crashed")
_PAUSES = ("Paused", "Suspended", "AwaitingRetry", "Scheduled", INTERRUPTED)
_FAILURES = ("Failed", "TimedOut", "Crashed")
_BLOCK = "sentiment-failures"

# Flows of others on the same server are left alone.
_OF_OUR_RUNS: dict[str, Any] = {
    "match": ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
    "match_related": ResourceSpecification(
        {"prefect.resource.role": "flow", "prefect.resource.name": list(OUR_FLOWS)}
    ),
    "for_each": {"prefect.resource.id"},
    "threshold": 1,
}

# The server gives ids; all else is as wanted or not.
_IDS: Any = {"id": True, "created": True, "updated": True, "trigger": {"id"}}

# `text` is what Slack, Mattermost and Teams show; the rest is for programs. Rendered by the server.
_MESSAGE = """\
{"text": {{ (flow.name ~ " run " ~ flow_run.name ~ ": " ~ event.resource["prefect.state-name"] \
~ ". " ~ (event.resource["prefect.state-message"] or "") ~ " " ~ ((flow_run | ui_url) or "")) \
| trim | tojson }},
 "flow": {{ flow.name | tojson }},
 "flow_run_id": {{ (flow_run.id | string) | tojson }},
 "flow_run_name": {{ flow_run.name | tojson }},
 "state": {{ event.resource["prefect.state-name"] | tojson }},
 "message": {{ (event.resource["prefect.state-message"] or "") | tojson }}}"""


def close_silent_runs(silent_seconds: float) -> AutomationCore:
    """Return the automation that sets runs to Crashed whose process says nothing any more.

    It counts from the beginning of a run, too: one that is killed in its first second may never
    have said anything. A run may be silent for three heartbeats or more. See Prefect's
    documentation, "Detect zombie flows".
    """
    return AutomationCore(
        name=CLOSE_SILENT_RUNS,
        description="Set a run to Crashed when its process has stopped sending heartbeats.",
        trigger=EventTrigger(
            **_OF_OUR_RUNS,
            after={state_event("Running"), HEARTBEAT},
            expect={HEARTBEAT, *_events(*_ENDS, *_PAUSES)},
            posture=Posture.Proactive,
            within=timedelta(seconds=silent_seconds),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"The process of this run sent no heartbeat for {silent_seconds:g} seconds:"
                " it was killed, or its machine went down or lost the server. Nothing that was"
                " finished is lost: start the same command again, and the run resumes from there.",
            )
        ],
    )


def notify_of_failures(webhook: UUID) -> AutomationCore:
    """Return the automation that calls a webhook, a block's id, for each failed or crashed run."""
    return AutomationCore(
        name=NOTIFY_OF_FAILURES,
        description="Tell of every run that failed or crashed.",
        trigger=EventTrigger(
            **_OF_OUR_RUNS,
            expect=_events(*_FAILURES),
            posture=Posture.Reactive,
            within=timedelta(0),
        ),
        actions=[CallWebhook(block_document_id=webhook, payload=_MESSAGE)],
    )


def save_webhook(url: HttpUrl) -> UUID:
    """Keep the address on the server, encrypted, and return the id of its block."""
    return cast("UUID", Webhook(url=str(url)).save(_BLOCK, overwrite=True))


def set_up(wanted: AutomationCore) -> Change:
    """Create an automation, or make the one of that name as wanted; doubles go."""
    with get_client(sync_client=True) as client:
        found = client.read_automations_by_name(wanted.name)
        for double in found[1:]:
            client.delete_automation(double.id)
        if not found:
            client.create_automation(wanted)
            return "created"
        if found[0].model_dump(exclude=_IDS) == wanted.model_dump(exclude=_IDS):
            return "unchanged"
        client.update_automation(found[0].id, wanted)
        return "updated"


def _events(*states: str) -> set[str]:
    return set(map(state_event, states))
