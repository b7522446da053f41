"""Recipes: configs with a name, and what each was measured to score and to cost.

One TOML file each in `tasks/config/recipes`, since a recipe is data: it can be read, compared and
added without code, and holds only what it changes of the defaults.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from tasks.common.canonical_json import group_fields
from tasks.common.errors import InvalidConfigError
from tasks.common.records import Record
from tasks.config.commands import spelled
from tasks.config.training import (
    ChangedSetting,
    TrainingConfig,
    describe_invalid,
    validated_config,
)

DEFAULT_RECIPE = "tutorial"
_FOLDER = Path(__file__).parent / "recipes"


class Expected(Record):
    """Test accuracy under the honest protocol on the official IMDB split, and its cost."""

    accuracy: float = Field(gt=0, lt=1)
    """Mean over the seeds."""
    spread: float = Field(ge=0, lt=1)
    """Standard deviation over the seeds."""
    seeds: int = Field(ge=1)
    """Seeds that were run, from 0 on."""
    cpu_seconds: float = Field(gt=0)
    """Processor time of a whole run with nothing cached, mean over the seeds."""


class ChangedGroups(Record):
    """The fields that a recipe sets; neither source nor seed, which are the run's own."""

    text: dict[str, Any] = Field(default_factory=dict)
    protocol: dict[str, Any] = Field(default_factory=dict)
    network: dict[str, Any] = Field(default_factory=dict)
    fit: dict[str, Any] = Field(default_factory=dict)


class Recipe(Record):
    """A named config."""

    name: str
    description: str = Field(min_length=1)
    expected: Expected
    config: ChangedGroups = ChangedGroups()

    @property
    def command(self) -> str:
        """The command that trains it."""
        return f"{spelled('train')} --source imdb --recipe {self.name}"


def recipes() -> dict[str, Recipe]:
    """Return all recipes by name, those that cost least first."""
    found = [read_recipe(file) for file in _FOLDER.glob("*.toml")]
    return {one.name: one for one in sorted(found, key=lambda one: one.expected.cpu_seconds)}


def read_recipe(file: Path) -> Recipe:
    """Return the recipe of a file, named after it; raise an InvalidConfigError for a faulty one."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        recipe = Recipe.model_validate(content | {"name": file.stem})
        validated_config(**recipe.config.model_dump())
    except ValidationError as error:
        raise InvalidConfigError(f"{file}: {describe_invalid(error)}") from None
    except (tomllib.TOMLDecodeError, InvalidConfigError) as error:
        raise InvalidConfigError(f"{file}: {error}") from None
    return recipe


def nearest_recipe(config: TrainingConfig) -> tuple[str, list[ChangedSetting]]:
    """Return the recipe that a config changes least, and what it changes of it.

    Where the reviews come from, by which protocol they are judged and how often a training is saved
    is no part of a recipe.
    """
    given = _recipe_fields(config)
    changes = {
        name: [
            ChangedSetting(name=field, value=value, default=fields.get(field))
            for field, value in given.items()
            if value != fields.get(field)
        ]
        for name, fields in _fields_of_recipes().items()
    }
    nearest = min(changes, key=lambda name: (len(changes[name]), name != DEFAULT_RECIPE))
    return nearest, changes[nearest]


@cache
def _fields_of_recipes() -> dict[str, dict[str, Any]]:
    return {
        name: _recipe_fields(validated_config(**recipe.config.model_dump()))
        for name, recipe in recipes().items()
    }


def _recipe_fields(config: TrainingConfig) -> dict[str, Any]:
    fields = group_fields(config.model_dump(mode="json", exclude={"source", "saving"}))
    del fields["protocol"]
    return fields


def with_recipe(name: str, groups: Mapping[str, BaseModel]) -> TrainingConfig:
    """Return the config of a recipe, with those fields changed that were set in `groups`."""
    files = {file.stem: file for file in _FOLDER.glob("*.toml")}
    if name not in files:
        names = " or ".join(map(repr, sorted(files)))
        raise InvalidConfigError(f"recipe={name!r}: must be {names}")
    merged: dict[str, dict[str, Any]] = read_recipe(files[name]).config.model_dump()
    for group, fields in groups.items():
        given = fields.model_dump(include=fields.model_fields_set)
        merged[group] = merged.get(group, {}) | given
    return validated_config(**merged)
