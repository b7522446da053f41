"""Decisions on the champion as Markdown, for Prefect's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.markdown_parts import markdown_list, markdown_table
from tasks.repeated_looks import look_text
from tasks.run_text import figure_text, short_id, when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.promotion_event import Decision, PromotionEvent
    from tasks.promotion_gates import Gate

HISTORY = "champion"
"""Key of the artifact with the history; its newest version tells who is champion."""

_NONE = "none"


def decision_markdown(decision: Decision) -> str:
    """Return what was decided of a run, with the champion before and after and all gates."""
    champions = [
        ("before", decision.former_champion or _NONE),
        ("after", decision.champion or _NONE),
    ]
    parts = [f"# {decision.kind.capitalize()}", decision.headline]
    parts.append(markdown_table(["champion", "run"], champions))
    event = decision.event
    if event is None:
        parts.append("No gate was asked, and no look at the test reviews was used.")
        return "\n\n".join(parts) + "\n"
    parts.append(_gates(event.gates))
    parts.append(markdown_list(f"{gate.name}: {gate.sentence}" for gate in event.gates))
    parts.append(f"{_look(event)}.")
    parts.append(f"Asked for by {event.who}: {event.reason}. Event {event.number} of the log.")
    return "\n\n".join(parts) + "\n"


def history_markdown(events: Sequence[PromotionEvent]) -> str:
    """Return all promotions, refusals and rollbacks, newest first."""
    columns = ["event", "when (UTC)", "what", "run", "champion before", "look"]
    newest = list(reversed(events))
    table = markdown_table(columns, [_history_row(event) for event in newest])
    who = markdown_list(
        f"{event.number}: {event.who}: {event.why or 'no reason'}" for event in newest
    )
    return f"{table}\n\nWho and why, by event:\n\n{who}\n"


def _history_row(event: PromotionEvent) -> list[str]:
    return [
        str(event.number),
        when(event.when),
        event.kind,
        short_id(event.run_id),
        short_id(event.former_champion or ""),
        str(event.look.number) if event.look else "",
    ]


def _gates(gates: Sequence[Gate]) -> str:
    rows = [
        (
            gate.name,
            "✓ passed" if gate.passed else "✗ failed",
            figure_text(gate.figure),
            figure_text(gate.bound),
        )
        for gate in gates
    ]
    return markdown_table(["gate", "", "figure", "bound"], rows)


def _look(event: PromotionEvent) -> str:
    if event.look is None:
        return "This was no look at the test reviews that a later one has to allow for"
    text = look_text(event.look)
    return text[0].upper() + text[1:]
