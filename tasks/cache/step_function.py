"""A step of the chain without Prefect: a function, its name, and how its runs are called."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from tasks.common.artifact_store import ArtifactStore

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class StepFunction(Generic[P, R]):
    """A module's top-level function that takes the store first.

    `run_name` is filled in with its arguments, as Prefect does for a task run.
    """

    function: Callable[Concatenate[ArtifactStore, P], R]
    name: str
    run_name: str

    def __call__(self, store: ArtifactStore, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself: no cache, no retries."""
        return self.function(store, *args, **kwargs)

    def arguments(self, store: ArtifactStore, *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        """Return the arguments of a call by their names."""
        bound = signature(self.function).bind(store, *args, **kwargs)
        bound.apply_defaults()
        return bound.arguments


def step(
    name: str, run_name: str
) -> Callable[[Callable[Concatenate[ArtifactStore, P], R]], StepFunction[P, R]]:
    """Make a step of the function below."""

    def made(function: Callable[Concatenate[ArtifactStore, P], R]) -> StepFunction[P, R]:
        return StepFunction(function, name, run_name)

    return made
