"""The base of results that are read and never changed."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen, with no other fields than its own; `model_dump` is what `--json` shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
