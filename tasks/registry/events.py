"""What happens to the champion: the events of its log, and who is champion after them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from tasks.common.records import Record
from tasks.config.promotion import PromotionConfig
from tasks.evaluation.alpha_spending import Look
from tasks.evaluation.significance import PairedTest
from tasks.registry.gates import ChallengerMetrics, Gate

EventKind = Literal["promoted", "refused", "rolled back"]
DecisionKind = Literal["promoted", "refused", "champion already"]


class PromotionEvent(Record):
    """One line of the log: what happened to which run, who did it, why, and all metrics.

    `number` counts the events from 1 on. `model` is the hash of the model's weights. `test` and
    `look` are None where the challenger was not compared with a champion. A rollback has no gates.
    """

    number: int
    kind: EventKind
    when: str
    who: str
    reason: str
    run_id: str
    manifest_sha256: str
    model: str
    test_fingerprint: str
    former_champion: str | None
    config: PromotionConfig | None = None
    metrics: ChallengerMetrics | None = None
    gates: tuple[Gate, ...] = ()
    test: PairedTest | None = None
    look: Look | None = None

    @property
    def why(self) -> str:
        """The reason that was given, and what the gates say that failed."""
        return "; ".join(part for part in (self.reason, self.failed) if part)

    @property
    def failed(self) -> str:
        """What each gate says that failed."""
        gates = (f"{gate.name} failed: {gate.sentence}" for gate in self.gates if not gate.passed)
        return "; ".join(gates)


class Champion(Record):
    """The run that is to be used, since when, by which event, and the hash of its manifest."""

    run_id: str
    since: str
    number: int
    manifest_sha256: str


def headline(event: PromotionEvent) -> str:
    """Return in one line what was decided of which run."""
    if event.kind == "refused":
        failed = sum(not gate.passed for gate in event.gates)
        ending = f"{failed} of {len(event.gates)} gates failed; {event.failed}"
    elif event.former_champion is None:
        ending = "the first champion"
    else:
        ending = f"champion in place of {event.former_champion}"
    return f"{event.kind}: {event.run_id}, {ending}"


class Decision(Record):
    """What came of asking for a promotion; a refusal is as good an end as any other.

    `event` is what the log says of it, None where the challenger is the champion already.
    """

    kind: DecisionKind
    headline: str
    former_champion: str | None
    champion: str | None
    event: PromotionEvent | None = None


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
    ended = {event.run_id for event, end in zip(reigns, ends, strict=False) if end >= since}
    return ended | {event.run_id for event in reigns[-1:]}


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
            ends = [end for end, one in enumerate(line, start=1) if one.run_id == event.run_id]
            line = line[: ends[-1]] if ends else [*line, event]
    return line


def taken_back(
    events: Sequence[PromotionEvent], model: str
) -> tuple[PromotionEvent, PromotionEvent] | None:
    """Return the last reign of a model and the rollback that ended it.

    None where the model was never champion, or is not taken back, or came back since.
    """
    reigns = [e for e in events if e.kind != "refused" and model_of(events, e.run_id) == model]
    if not reigns or model in {model_of(events, e.run_id) for e in line_of_champions(events)}:
        return None
    last = reigns[-1]
    return last, next(e for e in events[last.number :] if e.kind == "rolled back")


def model_of(events: Sequence[PromotionEvent], run_id: str) -> str:
    """Return the hash of a run's model, as the log has it."""
    return next(event.model for event in events if event.run_id == run_id)


def earlier_comparisons(
    events: Sequence[PromotionEvent], test_fingerprint: str
) -> list[tuple[str, str]]:
    """Return challenger and champion of each comparison on these test reviews, oldest first.

    They are named by their models: a run that is repeated with the same result asks nothing new.
    """
    return [
        (model_of(events, event.run_id), model_of(events, event.former_champion or ""))
        for event in events
        if event.look is not None and event.test_fingerprint == test_fingerprint
    ]
