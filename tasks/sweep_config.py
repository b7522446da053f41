"""How a sweep searches: budget, sampler, pruning, and where its study is kept."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tasks.training_config import UserPath

Objective = Literal["val_loss", "val_accuracy"]
Sampler = Literal["tpe", "random"]


def _without_password(url: str) -> str:
    if urlsplit(url).password is not None:
        raise ValueError(
            "storage: must not hold a password, which every report would show; put it into"
            " ~/.pgpass or the environment variable PGPASSWORD"
        )
    return url


StorageUrl = Annotated[
    str, Field(pattern=r"^(sqlite:///|postgresql://).+"), AfterValidator(_without_password)
]


class SweepConfig(BaseModel):
    """Trials that differ in the fields of a search space, judged on validation reviews alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    study: str = Field(
        "sweep",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="Name of the study; one that exists is gone on with.",
    )
    storage: StorageUrl | None = Field(
        None,
        description="Database of the study: sqlite:///FILE or postgresql://USER@HOST/DATABASE; by"
        " default study.db in artifacts/sweeps/STUDY.",
    )
    space: UserPath | None = Field(
        None,
        description="TOML file of the fields to vary; by default that of the architecture in"
        " tasks/spaces.",
    )
    trials: int = Field(
        20, ge=1, le=100_000, description="Most trials of the study, earlier ones included."
    )
    minutes: float | None = Field(
        None,
        gt=0,
        description="No trial begins after so many minutes, those of interrupted runs included.",
    )
    objective: Objective = Field(
        "val_loss", description="Figure of the best epoch that the search makes better."
    )
    sampler: Sampler = Field(
        "tpe", description="tpe: learns from earlier trials where to look. random: does not."
    )
    sampler_seed: int = Field(0, ge=0, description="Seed of the values that are tried.")
    pruning: bool = Field(
        default=True,
        description="End a trial after an epoch in which its best figure is worse than the median"
        " of earlier trials.",
    )
    pruning_after: int = Field(
        5, ge=1, description="Trials that must be complete before one is pruned."
    )
