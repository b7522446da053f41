"""When a run counts as dead, and who gets reports of failures."""

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

HEARTBEAT_SECONDS = 30
"""How often a run says that it lives; Prefect allows no shorter time."""


class MonitoringConfig(BaseModel):
    """What the server watches for while nobody looks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    silent_seconds: float = Field(
        3 * HEARTBEAT_SECONDS,
        ge=10,
        description="Seconds without a heartbeat after which a run is closed as Crashed; three"
        " heartbeats or more, so that one lost on the way closes nothing.",
    )
    notify_url: HttpUrl | None = Field(
        None,
        description="Address that gets a JSON message, as Slack and Mattermost take it, of every"
        " failed or crashed run; without, what was set up before stays.",
    )


class RetentionConfig(BaseModel):
    """How many runs are kept, and how old a thing must be that nothing kept needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_runs: int = Field(20, ge=0, description="Newest runs that are kept.")
    keep_champions_days: float = Field(
        365, ge=0, description="Days for which a run is kept after it was champion."
    )
    keep_failures_days: float = Field(
        90, ge=0, description="Days for which the records of failed runs are kept."
    )
    keep_unused_days: float = Field(
        14,
        ge=0,
        description="Days for which results and unfinished trainings are kept that belong to no"
        " kept run; an interrupted run may still need them.",
    )
