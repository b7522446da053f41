"""Tables and lines for the terminal, made from what `tasks` says of promotions."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from flows.run_tables import plain_table
from tasks.promotion_event import Champion, PromotionEvent
from tasks.repeated_looks import look_text
from tasks.run_text import short_id, when

_STYLES = {"promoted": "bold green", "refused": "bold red", "rolled back": "bold yellow"}


def decision(event: PromotionEvent) -> list[RenderableType]:
    """Return what was decided of a run, with all gates where there are any."""
    shown: list[RenderableType] = [Text(_headline(event), style=_STYLES[event.kind])]
    if event.gates:
        shown.append(_gates_table(event))
    if event.look:
        shown.append(Text(look_text(event.look), style="dim"))
    return shown


def champion_lines(champion: Champion | None) -> list[RenderableType]:
    """Return who is champion, since when and by which event."""
    if champion is None:
        return [Text("no champion yet; promote a run with: python flows/promote.py promote RUN")]
    return [
        Text(
            f"{champion.run_id} is the champion since {when(champion.since)} UTC"
            f" (event {champion.number})"
        )
    ]


def history_table(events: Sequence[PromotionEvent]) -> list[RenderableType]:
    """Return one row for each event, the newest first."""
    if not events:
        return [Text("nothing was promoted yet")]
    table = plain_table("", "when (UTC)", "what", "run", "former", "look", "who", "why")
    for event in reversed(events):
        table.add_row(
            str(event.number),
            when(event.when),
            Text(event.kind, style=_STYLES[event.kind]),
            short_id(event.run_id),
            short_id(event.former_champion or ""),
            str(event.look.number) if event.look else "",
            event.who,
            Text(_why(event)),
        )
    return [table]


def _headline(event: PromotionEvent) -> str:
    if event.kind == "refused":
        failures = sum(not gate.passed for gate in event.gates)
        ending = f"{failures} of {len(event.gates)} gates failed"
    elif event.former_champion is None:
        ending = "the first champion"
    else:
        ending = f"champion in place of {event.former_champion}"
    return f"{event.kind}: {event.run_id}, {ending}"


def _why(event: PromotionEvent) -> str:
    """Return the reason that was given, and the gates that failed."""
    failed = ", ".join(gate.name for gate in event.gates if not gate.passed)
    return "; ".join(part for part in (event.reason, failed and f"failed: {failed}") if part)


def _gates_table(event: PromotionEvent) -> Table:
    table = plain_table("gate", "", "figure", "bound", "")
    for column in table.columns[2:4]:
        column.justify = "right"
        column.no_wrap = True
    for gate in event.gates:
        mark = Text("passed", style="green") if gate.passed else Text("failed", style="bold red")
        table.add_row(
            gate.name, mark, _number(gate.figure), _number(gate.bound), Text(gate.sentence)
        )
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
