"""Tables and lines for the terminal, made from what `tasks` says of promotions."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from flows.run_tables import plain_table
from tasks.promotion_event import Champion, PromotionEvent, headline
from tasks.repeated_looks import look_text
from tasks.run_text import figure_text, short_id, when

_STYLES = {"promoted": "bold green", "refused": "bold red", "rolled back": "bold yellow"}


def decision(event: PromotionEvent) -> list[RenderableType]:
    """Return what was decided of a run, with all gates where there are any."""
    shown: list[RenderableType] = [Text(headline(event), style=_STYLES[event.kind])]
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
            Text(event.why),
        )
    return [table]


def _gates_table(event: PromotionEvent) -> Table:
    table = plain_table("gate", "", "figure", "bound", "")
    for column in table.columns[2:4]:
        column.justify = "right"
        column.no_wrap = True
    for gate in event.gates:
        mark = Text("passed", style="green") if gate.passed else Text("failed", style="bold red")
        table.add_row(
            gate.name, mark, figure_text(gate.figure), figure_text(gate.bound), Text(gate.sentence)
        )
    return table
