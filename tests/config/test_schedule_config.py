from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.config.schedule import ScheduleConfig
from tasks.config.training import describe_invalid


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, {"cron": "0 3 * * *"}),
        ({"cron": "*/5 8-18 * * MON-FRI"}, {"cron": "*/5 8-18 * * MON-FRI"}),
        ({"interval": "90s"}, {"interval": timedelta(seconds=90)}),
        ({"interval": "6h", "timezone": "Europe/Berlin"}, {"interval": timedelta(hours=6)}),
        ({"interval": "PT1H"}, {"interval": timedelta(hours=1)}),
        ({"rrule": "FREQ=WEEKLY;BYDAY=MO;BYHOUR=3"}, {"rrule": "FREQ=WEEKLY;BYDAY=MO;BYHOUR=3"}),
    ],
)
def test_one_kind_is_taken_or_the_default(fields: dict[str, Any], kind: dict[str, Any]) -> None:
    assert ScheduleConfig.model_validate(fields).kind("0 3 * * *") == kind


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"cron": "0 3 * *"}, "cron='0 3 * *': must be a cron line that comes due again"),
        ({"cron": "0 3 30 2 *"}, "cron='0 3 30 2 *': must be a cron line that comes due again"),
        ({"rrule": "FREQ=SOMETIMES"}, "rrule='FREQ=SOMETIMES': must be an iCalendar rule"),
        (
            {"rrule": "FREQ=DAILY;UNTIL=20200101T000000"},
            "rrule='FREQ=DAILY;UNTIL=20200101T000000': must be an iCalendar rule that comes due",
        ),
        ({"interval": "6 hours"}, "interval='6 hours': must be a length of time such as 90s"),
        ({"interval": "0s"}, "interval='0s': must be a length of time such as 90s"),
        ({"timezone": "Mars/Olympus"}, "timezone='Mars/Olympus': must be the name of a time zone"),
        (
            {"cron": "0 3 * * *", "interval": "6h"},
            "only one of cron, interval and rrule can be given",
        ),
        ({"overlap": "ignore"}, "overlap='ignore': must be 'cancel' or 'queue'"),
        ({"every": "6h"}, "every='6h': there is no such field"),
    ],
)
def test_what_cannot_come_due_is_refused_with_field_value_and_what_is_allowed(
    fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        ScheduleConfig.model_validate(fields)
    assert told in describe_invalid(refused.value)


@given(st.integers(0, 59), st.integers(0, 23), st.sampled_from(["UTC", "Asia/Seoul"]))
def test_each_minute_of_the_day_is_a_schedule(minute: int, hour: int, timezone: str) -> None:
    config = ScheduleConfig(cron=f"{minute} {hour} * * *", timezone=timezone)
    assert config.kind("@daily") == {"cron": f"{minute} {hour} * * *"}


@given(st.text(alphabet="0123456789smhdPT ", max_size=6))
def test_a_length_of_time_is_taken_or_refused_but_never_an_unplanned_error(text: str) -> None:
    with suppress(ValidationError):
        taken = ScheduleConfig.model_validate({"interval": text}).interval
        assert taken is not None
        assert taken >= timedelta(seconds=1)
