"""Events of a champion's log, made without runs."""

from collections.abc import Sequence
from typing import Any

from tasks.registry.events import EventKind, PromotionEvent, current_champion


def make_event(number: int, kind: EventKind, run_id: str, **changes: Any) -> PromotionEvent:
    """Return an event."""
    fields: dict[str, Any] = {
        "when": "2026-01-01T00:00:00+00:00",
        "who": "me@here",
        "reason": "",
        "manifest_sha256": f"manifest of {run_id}",
        "model": run_id,
        "test_fingerprint": "test",
        "former_champion": None,
    }
    return PromotionEvent(number=number, kind=kind, run_id=run_id, **(fields | changes))


def next_event(events: Sequence[PromotionEvent]) -> PromotionEvent:
    """Return the event after `events`: two promotions, a refusal, a rollback, and so on."""
    champion = current_champion(events)
    former = champion.run_id if champion else None
    number = len(events) + 1
    kinds: list[EventKind] = ["promoted", "promoted", "refused", "rolled back"]
    kind = kinds[(number - 1) % 4]
    run_id = f"run-{number - 3}" if kind == "rolled back" else f"run-{number}"
    return make_event(number, kind, run_id, former_champion=former)
