"""What happens to the champion: the events of its log, and who is champion after them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from tasks.paired_test import PairedTest
from tasks.promotion_config import PromotionConfig
from tasks.promotion_gates import ChallengerFigures, Gate
from tasks.records import Record
from tasks.repeated_looks import Look

EventKind = Literal["promoted", "refused", "rolled back"]


class PromotionEvent(Record):
    """One line of the log: what happened to which run, who did it, why, and all figures.

    `number` counts the events from 1 on. `test` and `look` are None where the challenger was
    not compared with a champion. A rollback has no gates.
    """

    number: int
    kind: EventKind
    when: str
    who: str
    reason: str
    run_id: str
    manifest_sha256: str
    test_fingerprint: str
    former_champion: str | None
    config: PromotionConfig | None = None
    figures: ChallengerFigures | None = None
    gates: tuple[Gate, ...] = ()
    test: PairedTest | None = None
    look: Look | None = None


class Champion(Record):
    """The run that is to be used, since when, by which event, and the hash of its manifest."""

    run_id: str
    since: str
    number: int
    manifest_sha256: str


def current_champion(events: Sequence[PromotionEvent]) -> Champion | None:
    """Return the champion after `events`, None where there is none yet."""
    for event in reversed(events):
        if event.kind != "refused":
            return Champion(
                run_id=event.run_id,
                since=event.when,
                number=event.number,
                manifest_sha256=event.manifest_sha256,
            )
    return None


def champions_since(events: Sequence[PromotionEvent], since: datetime) -> set[str]:
    """Return the runs that were champion at `since` or later, the present one among them."""
    reigns = [event for event in events if event.kind != "refused"]
    ends = [datetime.fromisoformat(event.when) for event in reigns[1:]]
    former = zip(reigns, ends, strict=False)
    return {event.run_id for event, end in former if end >= since} | {
        event.run_id for event in reigns[-1:]
    }


def line_of_champions(events: Sequence[PromotionEvent]) -> list[PromotionEvent]:
    """Return the promotions that lead to the champion, whose own is the last.

    A rollback takes back what came after its run. To go back to a run that was itself taken
    back puts that one on top.
    """
    line: list[PromotionEvent] = []
    for event in events:
        if event.kind == "promoted":
            line.append(event)
        elif event.kind == "rolled back":
            line = _rolled_back(line, event)
    return line


def _rolled_back(line: list[PromotionEvent], event: PromotionEvent) -> list[PromotionEvent]:
    for position in reversed(range(len(line))):
        if line[position].run_id == event.run_id:
            return line[: position + 1]
    return [*line, event]


def earlier_comparisons(
    events: Sequence[PromotionEvent], test_fingerprint: str
) -> list[tuple[str, str]]:
    """Return challenger and champion of each comparison on these test reviews, oldest first."""
    return [
        (event.run_id, event.former_champion or "")
        for event in events
        if event.look is not None and event.test_fingerprint == test_fingerprint
    ]
