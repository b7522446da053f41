"""The short form that starts a run: seven fields before the config; all else is the recipe's."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from tasks.common.errors import InvalidConfigError
from tasks.common.records import Settings
from tasks.config.recipes import DEFAULT_RECIPE, OurRecipe, nearest_recipe, recipes, with_recipe
from tasks.config.training import (
    FitConfig,
    SourceConfig,
    TrainingConfig,
    describe_invalid,
)

_OFFERED = ("imdb", "packaged")

_SAME: dict[str, type[Settings]] = {
    "text_column": SourceConfig,
    "label_column": SourceConfig,
    "seed": FitConfig,
}
"""Fields that have their help and bounds from the config."""

_COLUMNS = {"text_column": "text", "label_column": "label"}


class RunForm(Settings):
    """What the form asks, and what it proposes."""

    recipe: str = DEFAULT_RECIPE
    reviews: str = Field("imdb", min_length=1)
    """imdb: the official 25,000 + 25,000 reviews. packaged: the 25,000 that the installation
    carries, offline. Or the path of your own file on the machine that trains: .csv, .tsv, .jsonl,
    .parquet and others, s3:// and gs:// too."""
    text_column: str = _COLUMNS["text_column"]
    label_column: str = _COLUMNS["label_column"]
    epochs: int = Field(0, ge=0)
    """Most epochs; early stopping may need fewer. 0: as many as the recipe has."""
    seed: int = 0
    promote: bool = False
    """Make the run the champion if it passes all gates."""

    def config(self) -> TrainingConfig:
        """Return the config that the same options of the command line make.

        Raises:
            InvalidConfigError: A value is impossible, or there is no such file.
        """
        try:
            fit = {"seed": self.seed} | ({"epochs": self.epochs} if self.epochs else {})
            groups = {"source": self._source(), "fit": FitConfig.model_validate(fit)}
        except ValidationError as error:
            raise InvalidConfigError(describe_invalid(error)) from None
        return with_recipe(self.recipe, groups)

    def _source(self) -> SourceConfig:
        columns = {name: getattr(self, name) for name in _COLUMNS}
        if self.reviews in _OFFERED:
            if columns != _COLUMNS:
                raise InvalidConfigError(
                    f"reviews={self.reviews!r}: has the columns 'text' and 'label'; others are"
                    " those of a file of your own"
                )
            return SourceConfig.model_validate({"source": self.reviews})
        source = SourceConfig.model_validate({"train_file": self.reviews, **columns})
        if isinstance(source.train_file, Path) and not source.train_file.exists():
            raise InvalidConfigError(
                f"reviews={self.reviews!r}: there is no such file on the machine that trains; name"
                " another one, 'imdb' or 'packaged'"
            )
        return source


def read_form(**fields: Any) -> RunForm:  # noqa: ANN401 - checked here
    """Return the form with these values; an InvalidConfigError says what is allowed."""
    try:
        return RunForm(**fields)
    except ValidationError as error:
        raise InvalidConfigError(describe_invalid(error)) from None


def form_of(config: TrainingConfig) -> RunForm:
    """Return the form whose run is most like one of `config`."""
    recipe, _ = nearest_recipe(config)
    source, epochs = config.source, config.fit.epochs
    is_offered = source.source in _OFFERED
    return RunForm(
        recipe=recipe,
        reviews=source.source if is_offered else str(source.train_file or RunForm().reviews),
        text_column=source.text_column,
        label_column=source.label_column,
        epochs=0 if epochs == with_recipe(recipe, {}).fit.epochs else epochs,
        seed=config.fit.seed,
    )


def shown(name: str) -> Any:  # noqa: ANN401 - pydantic's own return type
    """Return what makes a flow's parameter a field of the form: its label, help and bounds.

    They are told to the form and the server only, so that a value which comes another way is
    refused by the config, in a sentence of ours.
    """
    field = _properties(RunForm)[name]
    if name in _SAME:
        field |= _properties(_SAME[name])[name]
    if name == "recipe":
        found = recipes().values()
        field |= {"enum": [one.name for one in found], "description": _costs(found)}
    del field["default"]
    return Field(json_schema_extra=field | {"title": name.replace("_", " ").capitalize()})


def _properties(group: type[Settings]) -> dict[str, dict[str, Any]]:
    properties: dict[str, dict[str, Any]] = group.model_json_schema()["properties"]
    return properties


def _costs(found: Iterable[OurRecipe]) -> str:
    costs = (
        f"{one.name}: {one.expected.accuracy:.4f} in {one.expected.cpu_seconds:.0f} s"
        f" ({with_recipe(one.name, {}).fit.epochs} epochs)"
        for one in found
    )
    return f"Named config. Accuracy and processor time on the IMDB reviews: {', '.join(costs)}."
