"""Where the trainings of a flow run that has many."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Runner = Literal["local", "dask", "ray"]


class RunnerConfig(BaseModel):
    """Where trainings run, each in a process of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runner: Runner = Field(
        "local",
        description="local: processes of this machine. dask, ray: the workers of a cluster, which"
        " share the artifacts folder.",
    )
    workers: int = Field(1, ge=1, description="Trainings at the same time.")
    address: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Of a Dask or Ray cluster that exists; without, one is made for the flow."
    )

    @model_validator(mode="after")
    def _only_a_cluster_has_an_address(self) -> Self:
        if self.runner == "local" and self.address is not None:
            raise ValueError(f"address={self.address!r}: needs runner 'dask' or 'ray'")
        return self
