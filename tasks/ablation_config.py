"""Which forms of the text are compared."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

_CUT = re.compile(r"(last|first)-[1-9]\d{0,5}|[1-9]\d{0,5}\+[1-9]\d{0,5}", re.ASCII)


def _known_cut(cut: str) -> str:
    if not _CUT.fullmatch(cut):
        raise ValueError(
            f"tokens={cut!r}: must be last-N, first-N, or N+M for both ends, with whole numbers"
            " above 0, as last-200, first-200 or 64+136"
        )
    return cut


Cut = Annotated[str, AfterValidator(_known_cut)]


class AblationConfig(BaseModel):
    """What is changed of the config, one at a time; the config itself is always one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: tuple[Cut, ...] = Field(
        ("last-200", "first-200", "64+136", "last-400"),
        min_length=1,
        description="Tokens kept of a long review: last-N, first-N, or N+M for both ends.",
    )
    words: tuple[Annotated[int, Field(ge=4, le=1_000_000)], ...] = Field(
        (5_000, 10_000, 30_000), min_length=1, description="Sizes of the vocabulary."
    )
    seeds: int = Field(1, ge=1, le=1000, description="Seeds of each, from the config's seed on.")

    @field_validator("tokens", "words")
    @classmethod
    def _each_once(cls, values: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(values)) < len(values):
            raise ValueError("must name each one once")
        return values
