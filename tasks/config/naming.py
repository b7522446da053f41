"""What a person calls a run, and the name that it has by itself."""

from pathlib import PurePath
from typing import Any, Self

from pydantic import ValidationError, model_validator

from tasks.common.errors import InvalidConfigError
from tasks.common.records import Settings
from tasks.config.recipes import nearest_recipe
from tasks.config.training import TrainingConfig, describe_invalid

_LONGEST_NAME = 100
_LONGEST_TAG = 40
_LONGEST_NOTE = 500
_LONGEST_STEM = 40
_MOST_TAGS = 20
_RESERVED = ("latest",)


class Naming(Settings):
    """What tells a run apart for people; it changes no result, and may be changed later."""

    name: str = ""
    """Name of the run; made of the file, the recipe, the protocol and the seed where empty."""
    tags: tuple[str, ...] = ()
    """Tags of the run, by which runs can be listed."""
    note: str = ""
    """A sentence about the run."""

    @model_validator(mode="after")
    def _all_can_be_shown_and_written_in_a_command(self) -> Self:
        _require_word("name", self.name, _LONGEST_NAME)
        for tag in self.tags:
            _require_word("tag", tag or " ", _LONGEST_TAG)
        if len(self.tags) > _MOST_TAGS or len(set(self.tags)) < len(self.tags):
            raise ValueError(f"tag={self.tags!r}: must be at most {_MOST_TAGS} different ones")
        if len(self.note) > _LONGEST_NOTE or not self.note.isprintable():
            raise ValueError(
                f"note={self.note!r}: must be at most {_LONGEST_NOTE} printable characters on one"
                " line"
            )
        return self


def _require_word(field: str, text: str, longest: int) -> None:
    fits = len(text) <= longest and text.isprintable() and text == text.strip()
    if fits and text[:1] not in (".", "-") and not {"/", "\\"} & {*text} and text not in _RESERVED:
        return
    raise ValueError(
        f"{field}={text!r}: must be at most {longest} printable characters without / and \\, must"
        f" not begin with . or -, nor have a space at its ends, nor be {' or '.join(_RESERVED)}"
    )


def read_naming(**fields: Any) -> Naming:  # noqa: ANN401 - checked here
    """Return the checked naming; an InvalidConfigError says what is allowed."""
    try:
        return Naming(**fields)
    except ValidationError as error:
        raise InvalidConfigError(describe_invalid(error)) from None


def reviews_name(config: TrainingConfig, source: str) -> str:
    """Return what the reviews are called: the stem of the user's file, else `source`."""
    file = config.source.train_file
    if file is None:
        return source
    stem = PurePath(str(file)).name.lstrip(".").split(".")[0]
    plain = "".join(one if one.isalnum() or one in "_-" else "-" for one in stem)
    if len(plain) > _LONGEST_STEM:  # files of one folder often differ at their ends alone
        half = _LONGEST_STEM // 2 - 1
        plain = f"{plain[:half]}..{plain[-half:]}"
    return plain.strip("-") or source


def default_name(config: TrainingConfig, source: str) -> str:
    """Return the name of a run that nobody has named, with `source` where it has no file."""
    recipe, _ = nearest_recipe(config)
    protocol, seed = config.protocol.protocol, config.fit.seed
    return f"{reviews_name(config, source)}-{recipe}-{protocol}-seed{seed}"
