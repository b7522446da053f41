"""When a run counts as dead, and who is told of failures."""

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
