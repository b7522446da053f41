"""Go through the chain without computing: which steps the cache has, and why the others not.

Only looks; needs neither Prefect nor what the steps compute with.
"""

from collections.abc import Collection, Iterator
from typing import Literal, ParamSpec

from tasks.cache.explain import (
    DAMAGED,
    NEVER_CACHED,
    NO_EARLIER,
    REFRESHED,
    Earlier,
    diff_parts,
    few,
    newest_parts,
    why_cached,
    why_computed,
)
from tasks.cache.key import KeyParts, cache_key, key_parts
from tasks.cache.step_function import StepFunction
from tasks.cache.verified import result_faults
from tasks.common.artifact_store import UNKNOWN, ArtifactStore, StepOutput
from tasks.common.records import Record

P = ParamSpec("P")

Outcome = Literal["cached", "computed", "depends"]
"""`depends`: computed, unless its input comes out unchanged."""


class PlannedStep(Record):
    """What would become of a step, why, and the parts of its key where it has one.

    `same_input` tells of one that depends on its input that this likely comes out unchanged.
    """

    step: str
    outcome: Outcome
    why: str
    parts: KeyParts | None
    same_input: bool = False

    @property
    def is_likely_cached(self) -> bool:
        """Whether its result is, or most likely is, in the cache."""
        return self.outcome == "cached" or self.same_input


class _NotYet(StepOutput):
    """Stands for what a step will leave; `likely` is what it left under the same key before."""

    likely: StepOutput | None = None

    @property
    def content_hash(self) -> str:
        """No hash: it is not known yet."""
        return UNKNOWN


class PlanRunner:
    """Looks the steps of a chain up one after the other; `planned` says what came of each."""

    def __init__(
        self, store: ArtifactStore, *, refresh: Collection[str] = (), use_cache: bool = True
    ) -> None:
        """Take what a `StepRunner` of the same run would take."""
        self.planned: list[PlannedStep] = []
        self._store = store
        self._refresh = refresh
        self._use_cache = use_cache

    def cached(
        self, step: StepFunction[P, StepOutput], *args: P.args, **kwargs: P.kwargs
    ) -> StepOutput:
        """Return what `step` left in the store, or something that stands for it."""
        arguments = step.arguments(self._store, *args, **kwargs)
        parts = key_parts(step.name, step.function, arguments)
        if not self._use_cache:
            return self._computed(step.name, "computed", NEVER_CACHED, parts)
        unknown = {name for name, content in parts.inputs.items() if content == UNKNOWN}
        key = None if unknown else cache_key(parts)
        whole = _whole(self._store, key) if key is not None else None
        if step.name in self._refresh or "all" in self._refresh:
            return self._computed(step.name, "computed", REFRESHED, parts, whole)
        if key is None:
            likely = {
                name: getattr(value, "likely", None) or value for name, value in arguments.items()
            }
            return self._depends(parts, unknown, key_parts(step.name, step.function, likely))
        if whole is None:
            earlier = Earlier.of(self._store, step.name)
            why = why_computed(self._store, key, parts, earlier, refresh=False)
            return self._computed(step.name, "computed", why, parts)
        why = why_cached(self._store, key)
        self.planned.append(PlannedStep(step=step.name, outcome="cached", why=why, parts=parts))
        return whole

    def _depends(self, parts: KeyParts, unknown: set[str], likely: KeyParts) -> StepOutput:
        """Plan a step some of whose inputs are still to be computed."""
        step = parts.step
        differences: list[list[str]] = []
        for other in self._earlier(step):
            inputs = other.inputs | dict.fromkeys(unknown & other.inputs.keys(), UNKNOWN)
            differences.append(diff_parts(other.model_copy(update={"inputs": inputs}), parts))
            if not differences[-1] and _whole(self._store, cache_key(other)) is not None:
                whole = _whole(self._store, cache_key(likely))
                why = "unless its input comes out unchanged"
                return self._computed(step, "depends", why, parts, whole)
        fewest = min(differences, key=len) if differences else [NO_EARLIER]
        why = few("; ", fewest) or DAMAGED
        return self._computed(step, "computed", why, parts)

    def _earlier(self, step: str) -> Iterator[KeyParts]:
        found = Earlier.of(self._store, step)
        return newest_parts(self._store.keys / step / name for name in found.begun & found.left)

    def _computed(
        self,
        step: str,
        outcome: Outcome,
        why: str,
        parts: KeyParts,
        likely: StepOutput | None = None,
    ) -> StepOutput:
        is_likely = outcome == "depends" and likely is not None
        self.planned.append(
            PlannedStep(step=step, outcome=outcome, why=why, parts=parts, same_input=is_likely)
        )
        facts = likely.facts if likely else {}
        return _NotYet(step=step, files={}, facts=facts, likely=likely)


def _whole(store: ArtifactStore, key: str) -> StepOutput | None:
    """Return what the cache has under a key, if all of it is whole."""
    if not store.record_file(key).exists() or result_faults(store, key):
        return None
    return store.result(key)
