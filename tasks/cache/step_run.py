"""How one step of a run went: cached or computed, why, and for how long."""

from tasks.common.records import Record


class StepRun(Record):
    """One step of a run: from the cache or computed and why, its key, and its seconds."""

    step: str
    cached: bool
    why: str
    key: str | None
    seconds: float

    @property
    def outcome(self) -> str:
        """The word for people: cached or computed."""
        return "cached" if self.cached else "computed"
