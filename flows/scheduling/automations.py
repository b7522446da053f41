"""What the Prefect server does by itself: close runs that died, report runs that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, cast
from uuid import UUID

from prefect import get_client
from prefect.automations import AutomationCore, EventTrigger
from prefect.blocks.webhook import Webhook
from prefect.client.schemas.objects import StateType
from prefect.events import ResourceSpecification
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.automations import Posture
from pydantic import HttpUrl

WATCHED_FLOWS = ("train-sentiment", "retrain-sentiment", "maintain-artifacts")
"""Names of this project's flows; those of others on the same server are left alone."""

CLOSE_SILENT_RUNS = "sentiment: close silent runs"

NOTIFY_OF_FAILURES = "sentiment: notify of failures"

Change = Literal["created", "updated", "unchanged"]

_BEGIN = "prefect.flow-run.Running"

_HEARTBEAT = "prefect.flow-run.heartbeat"

# After these no heartbeat is due. An event is named after its state, whatever the state's type.
_ENDS = ("Completed", "Failed", "TimedOut", "Cancelled", "Skipped", "Crashed")

_PAUSES = ("Paused", "Suspended", "AwaitingRetry", "Scheduled", "Interrupted")

_FAILURES = ("Failed", "TimedOut", "Crashed")

_BLOCK = "sentiment-failures"

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

    It counts from the begin of a run, too: one that is killed in its first second may never have
    said anything. See Prefect's documentation, "Detect zombie flows".

    Args:
        silent_seconds: How long a run may say nothing; three heartbeats or more.
    """
    return AutomationCore(
        name=CLOSE_SILENT_RUNS,
        description="Set a run to Crashed when its process has stopped sending heartbeats.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=_our_flows(),
            for_each={"prefect.resource.id"},
            after={_BEGIN, _HEARTBEAT},
            expect={_HEARTBEAT, *_events(*_ENDS, *_PAUSES)},
            posture=Posture.Proactive,
            threshold=1,
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
    """Return the automation that calls a webhook for each failed or crashed run.

    Args:
        webhook: Id of the block that knows the address.
    """
    return AutomationCore(
        name=NOTIFY_OF_FAILURES,
        description="Tell of every run that failed or crashed.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=_our_flows(),
            for_each={"prefect.resource.id"},
            expect=_events(*_FAILURES),
            posture=Posture.Reactive,
            threshold=1,
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
        if _is_as(found[0], wanted):
            return "unchanged"
        client.update_automation(found[0].id, wanted)
        return "updated"


def _our_flows() -> ResourceSpecification:
    return ResourceSpecification(
        {"prefect.resource.role": "flow", "prefect.resource.name": list(WATCHED_FLOWS)}
    )


def _events(*states: str) -> set[str]:
    return {f"prefect.flow-run.{state}" for state in states}


def _is_as(found: AutomationCore, wanted: AutomationCore) -> bool:
    """Tell whether an automation says what is wanted; the server adds ids of its own."""
    given = found.model_dump(exclude={"id", "created", "updated"})
    return _without_ids(given) == _without_ids(wanted.model_dump())


def _without_ids(value: dict[str, object]) -> dict[str, object]:
    trigger = value["trigger"]
    assert isinstance(trigger, dict)
    return {**value, "trigger": {name: part for name, part in trigger.items() if name != "id"}}
