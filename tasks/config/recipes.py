"""Recipes: configs with a name, and what each was measured to score and to cost.

One TOML file each in `tasks/config/recipes`, since a recipe is data: it can be read, compared and
added without code, and holds only what it changes of the defaults. A user's recipe or config file
is of the same form.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from tasks.common.canonical_json import group_fields
from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.common.records import Record
from tasks.config.commands import spelled
from tasks.config.training import (
    ChangedSetting,
    TrainingConfig,
    Value,
    describe_invalid,
    known_fields,
    no_such_field,
    validated_config,
    with_architecture,
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


Groups = dict[str, dict[str, Any]]
"""Fields by their groups, as a file or a run's config.json has them."""


class Recipe(Record):
    """A named config: what it sets, which is neither source nor seed; they are the run's own."""

    name: str
    description: str = ""
    expected: Expected | None = None
    """Of recipes that were measured."""
    text: dict[str, Any] = Field(default_factory=dict)
    protocol: dict[str, Any] = Field(default_factory=dict)
    network: dict[str, Any] = Field(default_factory=dict)
    fit: dict[str, Any] = Field(default_factory=dict)

    @property
    def groups(self) -> Groups:
        """The fields that it sets."""
        return self.model_dump(include=set(TrainingConfig.model_fields))


class OurRecipe(Recipe):
    """A recipe of this project, which was measured."""

    description: str = Field(min_length=1)
    expected: Expected

    @property
    def command(self) -> str:
        """The command that trains it."""
        return f"{spelled('train')} --source imdb --recipe {self.name}"


class _ConfigFile(Recipe):
    """A config as a user writes it: all groups, and perhaps the recipe that they change."""

    recipe: str = DEFAULT_RECIPE
    source: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)
    baselines: dict[str, Any] = Field(default_factory=dict)
    decision: dict[str, Any] = Field(default_factory=dict)
    saving: dict[str, Any] = Field(default_factory=dict)


R = TypeVar("R", bound=Recipe)


def recipes() -> dict[str, OurRecipe]:
    """Return our recipes by name, those that cost least first."""
    found = [read_recipe(file, OurRecipe) for file in _FOLDER.glob("*.toml")]
    return {one.name: one for one in sorted(found, key=lambda one: one.expected.cpu_seconds)}


def read_recipe(file: Path, kind: type[R]) -> R:
    """Return what a TOML or JSON file holds, named after it.

    Raises:
        BadDataError: The file cannot be read.
        InvalidConfigError: It is neither, or a field is unknown or impossible.
    """
    try:
        recipe = kind.model_validate(_content(file) | {"name": file.stem})
        if not isinstance(recipe, _ConfigFile):  # which options may complete
            validated_config(**recipe.groups)
    except OSError as error:
        raise BadDataError(f"{file}: cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise InvalidConfigError(f"{file}: {describe_invalid(error, known_fields())}") from None
    except (ValueError, InvalidConfigError) as error:
        raise InvalidConfigError(f"{file}: {error}") from None
    return recipe


def _content(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    content = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    if not isinstance(content, dict) or "name" in content:
        raise InvalidConfigError("must hold groups of fields, and no name, which its file has")
    return content


def read_config_file(file: Path) -> Groups:
    """Return the fields that a user's TOML or JSON file sets; raises as `read_recipe` does."""
    given = read_recipe(file, _ConfigFile)
    below = find_recipe(given.recipe).groups
    return {name: below.get(name, {}) | fields for name, fields in given.groups.items()}


def find_recipe(name: str) -> Recipe:
    """Return one of our recipes, or that in a user's file, whose name ends in .toml."""
    if name.endswith(".toml"):
        return read_recipe(Path(name).expanduser(), Recipe)
    files = {file.stem: file for file in _FOLDER.glob("*.toml")}
    if name not in files:
        names = " or ".join(map(repr, sorted(files)))
        raise InvalidConfigError(f"recipe={name!r}: must be {names}, or a .toml file of your own")
    return read_recipe(files[name], OurRecipe)


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
        name: _recipe_fields(validated_config(**recipe.groups))
        for name, recipe in recipes().items()
    }


def _recipe_fields(config: TrainingConfig) -> dict[str, Any]:
    others = {"source", "baselines", "decision", "saving"}
    fields = group_fields(config.model_dump(mode="json", exclude=others))
    del fields["protocol"]
    return fields


def with_recipe(name: str, groups: Mapping[str, BaseModel]) -> TrainingConfig:
    """Return the config of a recipe, with those fields changed that were set in `groups`."""
    return changed_config(find_recipe(name).groups, groups)


def config_of(recipe: str, settings: Mapping[str, Value]) -> TrainingConfig:
    """Return the config of a recipe with some fields changed, each by its own name."""
    known = known_fields()
    given: Groups = {}
    for field, value in settings.items():
        group, _, own = known.get(field, "").partition(".")
        if not own:
            said = no_such_field(f"{field}={value!r}", field, {name: name for name in known})
            raise InvalidConfigError(said)
        given.setdefault(group, {})[own] = value
    return _changed(find_recipe(recipe).groups, given)


_KINDS = {"network": "architecture", "source": "source"}
"""Fields that say which others their group has."""


def changed_config(base: Groups, groups: Mapping[str, BaseModel]) -> TrainingConfig:
    """Return the config of `base`, with those fields changed that were set in `groups`."""
    given = {name: one.model_dump(include=one.model_fields_set) for name, one in groups.items()}
    return _changed(base, given)


def _changed(base: Groups, groups: Groups) -> TrainingConfig:
    """Return the config of `base` with the fields of `groups` changed.

    Of another architecture or source, what the base says of its own is left out.
    """
    merged = {**base}
    for name, given in groups.items():
        kept, kind = base.get(name, {}), _KINDS.get(name, "")
        if name == "network":
            kept = {"architecture": "conv_bilstm", **with_architecture(kept)}
            given = with_architecture(given)  # noqa: PLW2901 - completed
        if kind in given and kept.get(kind, given[kind]) != given[kind]:
            kept = {}
        merged[name] = kept | given
    return validated_config(**merged)
