"""When a run counts as dead, and who gets reports of failures."""

from typing import cast

from pydantic import (
    ConfigDict,
    Field,
    HttpUrl,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from tasks.common.records import Settings

HEARTBEAT_SECONDS = 30
"""How often a run says that it lives; Prefect allows no shorter time."""


class MonitoringConfig(Settings):
    """What the server watches for while nobody looks."""

    silent_seconds: float = Field(3 * HEARTBEAT_SECONDS, ge=10)
    """Seconds without a heartbeat after which a run is closed as Crashed; three heartbeats or
    more, so that one lost on the way closes nothing."""
    notify_url: HttpUrl | None = None
    """Address that gets a JSON message, as Slack and Mattermost take it, of every failed or
    crashed run; without, what was set up before stays."""

    @field_validator("notify_url", mode="wrap")
    @classmethod
    def _hide(cls, value: object, check: ValidatorFunctionWrapHandler) -> HttpUrl | None:
        """Refuse an address without showing it: it may hold a token."""
        try:
            return cast("HttpUrl | None", check(value))
        except ValidationError:
            raise ValueError("notify_url: must be an address of http:// or https://") from None


class RetentionConfig(Settings):
    """How many runs are kept, and how old a thing must be that nothing kept needs."""

    model_config = ConfigDict(allow_inf_nan=True)  # an infinite number of days is for ever

    keep_runs: int = Field(20, ge=0)
    """Newest runs that are kept."""
    keep_champions_days: float = Field(365, ge=0)
    """Days for which a run is kept after it was champion."""
    keep_failures_days: float = Field(90, ge=0)
    """Days for which the records of failed runs are kept."""
    keep_unused_days: float = Field(14, ge=0)
    """Days for which results and unfinished trainings are kept that belong to no kept run; an
    interrupted run may still need them."""
