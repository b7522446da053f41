"""What all groups of settings have in common: help, JSON, and refusals that say what is allowed."""

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.common.records import Settings
from tasks.config.drift import DriftConfig
from tasks.config.experiments import AblationConfig, RunnerConfig, SeedsConfig, SweepConfig
from tasks.config.operations import MonitoringConfig, RetentionConfig
from tasks.config.promotion import PromotionConfig
from tasks.config.schedule import ScheduleConfig
from tasks.config.training import DataConfig, FitConfig, SourceConfig, TextConfig, describe_invalid

DESCRIBED: list[type[Settings]] = [AblationConfig, DataConfig, DriftConfig, FitConfig]
DESCRIBED += [MonitoringConfig, PromotionConfig, RetentionConfig, RunnerConfig, ScheduleConfig]
DESCRIBED += [SeedsConfig, SourceConfig, SweepConfig, TextConfig]


@pytest.mark.parametrize("group", DESCRIBED)
def test_every_setting_is_described(group: type[Settings]) -> None:
    assert all(field.description for field in group.model_fields.values())


@pytest.mark.parametrize(
    "config",
    [
        DriftConfig(action="stop", largest_auc=0.7),
        PromotionConfig(mode="not_worse", margin=0.01),
        ScheduleConfig(cron="0 3 * * *", overlap="queue"),
        SweepConfig(minutes=3, storage="sqlite:///a.db"),
    ],
)
def test_settings_survive_json(config: Settings) -> None:
    assert type(config).model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("group", "fields", "message"),
    [
        (DriftConfig, {"action": "halt"}, "action='halt': must be 'warn' or 'stop'"),
        (DriftConfig, {"largest_word_psi": 0}, "largest_word_psi=0: must be greater than 0"),
        (DriftConfig, {"largest_auc": 0.4}, "auc=0.4: must be greater than or equal to 0.5"),
        (DriftConfig, {"sample": 3}, "sample=3: must be greater than or equal to 50"),
        (DriftConfig, {"psi": 1}, "psi=1: there is no such field"),
        (PromotionConfig, {"level": 0}, "level=0: must be greater than 0"),
        (PromotionConfig, {"floor": 1.5}, "floor=1.5: must be less than or equal to 1"),
        (PromotionConfig, {"mode": "best"}, "mode='best': must be 'better' or 'not_worse'"),
        (PromotionConfig, {"margin": -0.1}, "margin=-0.1: must be greater than or equal to 0"),
        (PromotionConfig, {"largest_latency_ms": float("inf")}, "latency_ms=inf: must be a finite"),
        (ScheduleConfig, {"cron": "0 3 * *"}, "cron='0 3 * *': must be a cron line that comes due"),
        (ScheduleConfig, {"cron": "0 3 30 2 *"}, "cron='0 3 30 2 *': must be a cron line that"),
        (ScheduleConfig, {"rrule": "FREQ=SOMETIMES"}, "rrule='FREQ=SOMETIMES': must be an iCal"),
        (
            ScheduleConfig,
            {"rrule": "FREQ=DAILY;UNTIL=20200101T000000"},
            "rrule='FREQ=DAILY;UNTIL=20200101T000000': must be an iCalendar rule that comes due",
        ),
        (ScheduleConfig, {"interval": "6 hours"}, "interval='6 hours': must be a length of time"),
        (ScheduleConfig, {"interval": "0s"}, "interval='0s': must be a length of time such as 90s"),
        (ScheduleConfig, {"timezone": "Mars/Olympus"}, "'Mars/Olympus': must be the name of a"),
        (ScheduleConfig, {"cron": "0 3 * * *", "interval": "6h"}, "only one of cron, interval and"),
        (ScheduleConfig, {"overlap": "ignore"}, "overlap='ignore': must be 'cancel' or 'queue'"),
    ],
)
def test_an_impossible_value_is_named_with_what_is_allowed(
    group: type[Settings], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        group.model_validate(fields)
    assert message in describe_invalid(raised.value)
