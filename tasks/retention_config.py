"""What is kept of an artifacts folder, and for how long."""

from pydantic import BaseModel, ConfigDict, Field


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
