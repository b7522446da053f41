"""The command that trains a config again, with no more options than it needs."""

import shlex
from collections.abc import Iterator

from tasks.config.commands import spelled
from tasks.config.recipes import DEFAULT_RECIPE, nearest_recipe
from tasks.config.training import (
    BaselineConfig,
    DecisionConfig,
    ProtocolConfig,
    SavingConfig,
    SourceConfig,
    TrainingConfig,
    Value,
)


def train_command(config: TrainingConfig, source: str) -> str:
    """Return what a person types to train `config` again, on the source that was resolved."""
    return f"{spelled('train')} {shlex.join(_words(config, source))}"


def _words(config: TrainingConfig, source: str) -> Iterator[str]:
    if config.source.train_file is None:
        yield from ("--source", source)
    recipe, changes = nearest_recipe(config)
    if recipe != DEFAULT_RECIPE:
        yield from ("--recipe", recipe)
    own = SourceConfig.model_fields.keys() - {"source"}
    groups = (
        (config.source.model_dump(mode="json", include=own), SourceConfig()),
        (config.protocol.model_dump(include={"protocol"}), ProtocolConfig()),
        ({one.name: one.value for one in changes}, None),
        (config.baselines.model_dump(), BaselineConfig()),
        (config.decision.model_dump(), DecisionConfig()),
        (config.saving.model_dump(), SavingConfig()),
    )
    for fields, defaults in groups:
        for name, value in fields.items():
            if defaults is None or value != getattr(defaults, name):
                yield from _option(name, value)


def _option(name: str, value: Value) -> list[str]:
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    text = str(value)
    return [f"--{option}={text}"] if text.startswith("-") else [f"--{option}", text]
