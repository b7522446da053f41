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
    return _flat(config.model_dump(mode="json"))


def default_groups(config: TrainingConfig) -> dict[str, dict[str, Value]]:
    """Return the default of each field of `config`, in its groups."""
    default: dict[str, dict[str, Value]] = TrainingConfig().model_dump(mode="json")
    own_sizes = type(config.network)().model_dump(mode="json")
    architecture = {"architecture": default["network"]["architecture"]}
    return default | {"network": own_sizes | architecture}


def _flat(groups: dict[str, dict[str, Value]]) -> dict[str, Value]:
    return {name: value for group in groups.values() for name, value in group.items()}


def changed_settings(config: TrainingConfig) -> list[ChangedSetting]:
    """Return the fields of `config` that are not at their defaults."""
    defaults = _flat(default_groups(config))
    return [
        ChangedSetting(name=name, value=value, default=defaults[name])
        for name, value in flat_config(config).items()
        if value != defaults[name]
    ]
