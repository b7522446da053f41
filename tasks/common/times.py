"""Points in time as people and tables write them."""

from datetime import UTC, date, datetime

NOT_A_TIME = "is no ISO 8601 date or time, such as 2026-01-31 or 2026-01-31T18:30:00Z"


def day_of(text: str | None) -> date:
    """Return the day of an ISO 8601 date or time, in UTC; one without a zone is taken as UTC.

    A ValueError says that it is neither.
    """
    try:
        found = datetime.fromisoformat((text or "").strip())
    except ValueError:
        raise ValueError(f"{text!r} {NOT_A_TIME}") from None
    return (found if found.tzinfo is None else found.astimezone(UTC)).date()
