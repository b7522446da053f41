from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.config.schedule import ScheduleConfig


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
