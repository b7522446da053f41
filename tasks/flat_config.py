"""A config as one flat table: each field under the name that it has on the command line."""

from tasks.records import Record
from tasks.training_config import TrainingConfig

Value = str | int | float | bool | None


class ChangedSetting(Record):
    """A field that a run sets to something else than the default."""

    name: str
    value: Value
    default: Value


def flat_config(config: TrainingConfig) -> dict[str, Value]:
    """Return the fields of all groups by their names, of which no two are equal."""
    groups: dict[str, dict[str, Value]] = config.model_dump(mode="json")
    return {name: value for group in groups.values() for name, value in group.items()}


def changed_settings(config: TrainingConfig) -> list[ChangedSetting]:
    """Return the fields of `config` that are not at their defaults."""
    own_network = TrainingConfig(network=type(config.network)())
    defaults = flat_config(own_network) | flat_config(TrainingConfig())
    return [
        ChangedSetting(name=name, value=value, default=defaults[name])
        for name, value in flat_config(config).items()
        if value != defaults[name]
    ]
