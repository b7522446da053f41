"""What a sweep varies: fields of the config, each between two bounds or among choices."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.common.records import Record
from tasks.config.training import Architecture, TrainingConfig, describe_invalid, validated_config

Value = bool | int | float | str
Number = Annotated[int | float, Field(allow_inf_nan=False)]
_FOLDER = Path(__file__).parent / "spaces"

_GROUPS = ("text", "network", "fit")
"""Others say which reviews are learned from and judged, so that metrics could not be compared."""

_FIXED = ("fit.seed", "network.architecture")


class Range(Record):
    """All numbers from `low` to `high`, whole ones where both are whole."""

    low: Number
    high: Number
    log: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"high={self.high}: must be greater than low, {self.low}")
        if self.log and self.low <= 0:
            raise ValueError(f"low={self.low}: must be greater than 0 with log = true")
        return self


class Choices(Record):
    """Some values."""

    choices: tuple[Value, ...] = Field(min_length=2)


class SearchSpace(Record):
    """The values that a sweep may give to each field, by names such as `fit.learning_rate`."""

    fields: dict[str, Range | Choices]


def read_space(file: Path | None, config: TrainingConfig) -> SearchSpace:
    """Return the space in a TOML file, every field of which can have its values.

    Each field has a table, such as `[fit.learning_rate]`. Without a file the space is that of the
    architecture.

    Raises:
        BadDataError: The file cannot be read.
        InvalidConfigError: It is no TOML, or a field or a value is unknown or impossible.
    """
    file = file or space_file(config.network.architecture)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadDataError(f"space={file}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfigError(f"space={file}: is no TOML ({error})") from None
    try:
        return _space(content, config)
    except InvalidConfigError as error:
        raise InvalidConfigError(f"space={file}: {error}") from None


def space_file(architecture: Architecture) -> Path:
    """Return the file that says what is varied in networks of one architecture."""
    return _FOLDER / f"{architecture}.toml"


def with_values(config: TrainingConfig, values: Mapping[str, Value]) -> TrainingConfig:
    """Return the config with other values for some fields, by names such as `fit.learning_rate`."""
    groups: dict[str, dict[str, Any]] = config.model_dump()
    for name, value in values.items():
        group, _, field = name.partition(".")
        groups[group][field] = value
    return validated_config(**groups)


def _space(content: dict[str, Any], config: TrainingConfig) -> SearchSpace:
    fields: dict[str, Range | Choices] = {}
    for group, tables in content.items():
        if group not in _GROUPS or not isinstance(tables, dict):
            raise InvalidConfigError(f"{group}: a sweep varies fields of {', '.join(_GROUPS)} only")
        for field, table in tables.items():
            fields[f"{group}.{field}"] = _varied(getattr(config, group), group, field, table)
    if not fields:
        raise InvalidConfigError("names no field to vary")
    return SearchSpace(fields=fields)


def _varied(group: BaseModel, group_name: str, field: str, table: object) -> Range | Choices:
    name = f"{group_name}.{field}"
    kind = type(group).model_fields.get(field)
    if kind is None or name in _FIXED:
        raise InvalidConfigError(f"{name}: there is no such field to vary")
    try:
        makes = Choices if isinstance(table, dict) and "choices" in table else Range
        varied = makes.model_validate(table)
    except ValidationError as error:
        raise InvalidConfigError(f"{name}: {describe_invalid(error)}") from None
    if isinstance(varied, Range) and kind.annotation not in (int, float):
        raise InvalidConfigError(f"{name}: is no number; name its choices")
    farthest = varied.choices if isinstance(varied, Choices) else (varied.low, varied.high)
    for value in farthest:
        _require_possible(group, name, field, value, whole=kind.annotation is int)
    return varied


def _require_possible(
    group: BaseModel, name: str, field: str, value: Value, *, whole: bool
) -> None:
    if whole and not isinstance(value, int):
        raise InvalidConfigError(f"{name}={value!r}: must be a whole number")
    try:
        type(group).model_validate(group.model_dump() | {field: value})
    except ValidationError as error:
        faults = "; ".join(describe_invalid(error).splitlines())
        raise InvalidConfigError(f"{name}: {faults}") from None
