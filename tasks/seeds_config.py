"""Which seeds are compared, and under which protocols."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tasks.training_config import Protocol


class SeedsConfig(BaseModel):
    """How many trainings that differ in their seed alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: int = Field(5, ge=1, le=1000, description="Number of seeds, from the config's seed on.")
    protocols: tuple[Protocol, ...] = Field(
        ("honest", "tutorial"),
        min_length=1,
        description="Protocols that each seed is trained under; with both, their gap is shown.",
    )

    @field_validator("protocols")
    @classmethod
    def _each_once(cls, protocols: tuple[Protocol, ...]) -> tuple[Protocol, ...]:
        if len(set(protocols)) < len(protocols):
            raise ValueError("must name each protocol once")
        return protocols
