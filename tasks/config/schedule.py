"""When runs are started by themselves, and what happens to one that finds another in progress.

Without a kind of schedule the one who serves has a default: retraining every night at three,
maintenance every Sunday at noon.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from tasks.common.records import Settings

if TYPE_CHECKING:
    from prefect.server.schemas.schedules import SCHEDULE_TYPES

ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)
"""From when on intervals are counted, so that a restart does not shift them."""

_KINDS = ("cron", "interval", "rrule")

_ALLOWED = {
    "cron": "a cron line that comes due again, of the five fields minute, hour, day of the month,"
    " month and day of the week, such as '0 3 * * *'",
    "interval": "a length of time such as 90s, 6h or 1d",
    "rrule": "an iCalendar rule that comes due again and whose UNTIL has no zone, such as"
    " 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=3;BYMINUTE=0;BYSECOND=0'",
    "timezone": "the name of a time zone, such as 'Europe/Berlin' or 'UTC'",
}


_CRON_FIELDS = 5

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _length_of_time(given: object) -> object:
    """Return what a word such as 6h means; leave the rest to pydantic."""
    if not isinstance(given, str) or given.startswith("P"):  # P begins one as ISO 8601 writes it
        return given
    found = re.fullmatch(r"0*([1-9][0-9]{0,8})([smhd])", given)
    if found is None:
        raise ValueError(f"interval={given!r}: must be {_ALLOWED['interval']}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class ScheduleConfig(Settings):
    """One kind of schedule at most, its time zone, and the rule for overlaps."""

    cron: str | None = None
    """When to start, in cron's five fields: '0 3 * * *' is every day at three."""
    interval: Annotated[timedelta | None, BeforeValidator(_length_of_time)] = Field(
        None, ge=timedelta(seconds=1), le=timedelta(days=366)
    )
    """How long from one start to the next: 90s, 6h, 1d."""
    rrule: str | None = None
    """When to start, as iCalendar rule: 'FREQ=DAILY;BYHOUR=3'."""
    timezone: str = Field("UTC", min_length=1)
    """Time zone of the schedule, such as Europe/Berlin."""
    overlap: Literal["cancel", "queue"] = "cancel"
    """What happens to a run that comes due while another one is in progress. cancel: it is
    cancelled. queue: it waits."""

    @model_validator(mode="after")
    def _one_kind_that_comes_due(self) -> Self:
        given = self._given()
        if len(given) > 1:
            shown = ", ".join(f"{name}={value!r}" for name, value in given.items())
            raise ValueError(f"{shown}: only one of cron, interval and rrule can be given")
        if self.timezone != "UTC":
            self._require_zone()
        for name, value in given.items():
            if not _next_starts(name, value, self.timezone, 1):
                raise ValueError(f"{name}={value!r}: must be {_ALLOWED[name]}")
        return self

    def _require_zone(self) -> None:
        try:
            _prefects("cron", "@daily", self.timezone)
        except ValidationError:
            raise ValueError(
                f"timezone={self.timezone!r}: must be {_ALLOWED['timezone']}"
            ) from None

    def kind(self, default_cron: str) -> dict[str, Any]:
        """Return the kind and its value, `default_cron` where none is given."""
        return self._given() or {"cron": default_cron}

    def next_starts(self, default_cron: str, number: int) -> list[datetime]:
        """Return when the next runs start, in the time zone of the schedule."""
        ((name, value),) = self.kind(default_cron).items()
        return _next_starts(name, value, self.timezone, number)

    def _given(self) -> dict[str, Any]:
        return {name: value for name in _KINDS if (value := getattr(self, name)) is not None}


def _prefects(name: str, value: object, timezone: str) -> SCHEDULE_TYPES:
    from prefect.server.schemas import schedules

    classes: dict[str, Any] = {
        "cron": schedules.CronSchedule,
        "interval": schedules.IntervalSchedule,
        "rrule": schedules.RRuleSchedule,
    }
    anchor = {"anchor_date": ANCHOR} if name == "interval" else {}
    schedule: SCHEDULE_TYPES = classes[name](**{name: value}, timezone=timezone, **anchor)
    return schedule


def _next_starts(name: str, value: object, timezone: str, number: int) -> list[datetime]:
    """Return when Prefect's scheduler, which is silent about its faults, would start runs."""
    if (
        name == "cron"
        and not str(value).startswith("@")
        and len(str(value).split()) != _CRON_FIELDS
    ):
        return []  # the scheduler takes a sixth field for seconds, and starts a run in each
    try:
        # The very call with which the scheduler looks for the next run.
        schedule = _prefects(name, value, timezone)
        return [*asyncio.run(schedule.get_dates(n=number, start=datetime.now(UTC)))]
    except Exception:
        return []


@dataclass(frozen=True)
class ServeOptions:
    """What is served; `retraining` and `maintenance` are the parameters of their flows."""

    schedule: ScheduleConfig
    retraining: dict[str, Any]
    maintenance_schedule: ScheduleConfig
    maintenance: dict[str, Any]
    maintain: bool
