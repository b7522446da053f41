"""Decisions on the champion for people: in the terminal, and as Markdown in Prefect's UI."""

from collections.abc import Sequence

from rich.text import Text

from tasks.common.formatting import number_text, short_id, when
from tasks.common.tables import Column, Table, markdown, number
from tasks.config.commands import spelled
from tasks.evaluation.alpha_spending import look_text
from tasks.registry.events import (
    Champion,
    Decision,
    PromotionEvent,
    current_champion,
    headline,
)
from tasks.registry.gates import Gate

HISTORY = "champion"
"""Key of the Prefect artifact with the history; its newest version says who is champion."""

_STYLES = {"promoted": "bold green", "refused": "bold red", "rolled back": "bold yellow"}
_BOUNDS = {
    "floor": "--floor",
    "baseline": "--baseline-margin",
    "calibration": "--largest-calibration-error",
    "latency": "--largest-latency-ms",
    "model size": "--largest-model-mib",
}
"""The option of each gate's bound; the others judge how a model was made, or against what."""

_MARKS = {"✓ passed": "green", "✗ failed": "bold red"}


def decision(event: PromotionEvent) -> list[Text | Table]:
    """Return what was decided of a run, with all gates where there are any."""
    shown: list[Text | Table] = [Text(headline(event), style=_STYLES[event.kind])]
    if event.gates:
        shown.append(gates_table(event.gates))
    if event.look:
        shown.append(Text(look_text(event.look), style="dim"))
    bounds = [
        _BOUNDS[gate.name] for gate in event.gates if not gate.passed and gate.name in _BOUNDS
    ]
    if bounds:
        shown.append(Text(f"Next: a better model, or a bound of your own: {', '.join(bounds)}"))
    return shown


def champion_line(champion: Champion | None) -> str:
    """Return who is champion, since when and by which event."""
    if champion is None:
        return f"no champion yet; promote a run with: {spelled('promote RUN')}"
    return (
        f"{champion.run_id} is the champion since {when(champion.since)} UTC"
        f" (event {champion.number})"
    )


def champion_markdown(events: Sequence[PromotionEvent]) -> str:
    """Return the champion's page: who is champion, since when, by whom and why, then the log."""
    champion = current_champion(events)
    if champion is None:
        return markdown("# No champion yet", history_table(events))
    event = events[champion.number - 1]
    return markdown(
        f"# Champion {champion.run_id}",
        [
            f"since {when(champion.since)} UTC, {event.kind} by {event.who} (event {event.number})",
            f"in place of {event.former_champion or 'none, as the first champion'}",
            f"why: {event.why or 'no reason'}",
        ],
        history_table(events),
    )


def champion_description(events: Sequence[PromotionEvent]) -> str:
    """Return for the list of artifacts what was decided last, and who is champion then."""
    if not events:
        return "There is no champion yet."
    champion, last = current_champion(events), headline(events[-1])
    name = champion.run_id if champion else "not chosen yet"
    return last if last.startswith(("promoted", "rolled")) else f"{last}; the champion is {name}"


def history_table(events: Sequence[PromotionEvent]) -> Table:
    """Return all promotions, refusals and rollbacks, the newest first."""
    rows = (
        [
            str(event.number),
            when(event.when),
            event.kind,
            short_id(event.run_id),
            short_id(event.former_champion or ""),
            str(event.look.number) if event.look else "",
            event.who,
            event.why or "no reason",
        ]
        for event in reversed(events)
    )
    return Table(
        "event",
        "when (UTC)",
        Column("what", styles=_STYLES),
        "run",
        "former",
        "interim test",
        Column("who", is_long=True),
        Column("why", is_long=True),
        rows=rows,
    )


def gates_table(gates: Sequence[Gate]) -> Table:
    """Return what each gate says, with its value and its bound."""
    rows = (
        [
            gate.name,
            "✓ passed" if gate.passed else "✗ failed",
            number_text(gate.value),
            number_text(gate.bound),
            gate.sentence,
        ]
        for gate in gates
    )
    marks, sentences = Column("", styles=_MARKS), Column("why", is_long=True)
    return Table("gate", marks, number("value"), number("bound"), sentences, rows=rows)


def decision_markdown(decided: Decision) -> str:
    """Return what was decided of a run, with the champion before and after and all gates."""
    before, after = decided.former_champion or "none", decided.champion or "none"
    champions = Table("champion", "run", rows=[("before", before), ("after", after)])
    parts: list[str | Table] = [f"# {decided.kind.capitalize()}", decided.headline, champions]
    event = decided.event
    if event is None:
        return markdown(
            *parts, "No gate was applied, and no interim test on the test reviews was used."
        )
    look = "this was no interim test on the test reviews that a later one has to allow for"
    if event.look is not None:
        look = look_text(event.look)
    return markdown(
        *parts,
        gates_table(event.gates),
        f"{look[0].upper()}{look[1:]}.",
        f"Requested by {event.who}: {event.reason}. Event {event.number} of the log.",
    )
