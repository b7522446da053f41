"""What a sweep varies: the files that come with the project, and those of a user."""

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.config.recipes import recipes, with_recipe
from tasks.config.search_space import Choices, Range, read_space, space_file, with_values
from tasks.config.training import NETWORKS, Architecture, ConvBilstmConfig, TrainingConfig

CONFIG = TrainingConfig()


@pytest.mark.parametrize("architecture", get_args(Architecture))
def test_each_architecture_has_a_space(architecture: Architecture) -> None:
    own = {"network": "my_net.py:build"} if architecture == "own" else {}
    config = TrainingConfig(network=NETWORKS[architecture].model_validate(own))
    space = read_space(None, config)
    assert "fit.learning_rate" in space.fields
    assert space == read_space(space_file(architecture), config)


@pytest.mark.parametrize("recipe", sorted(recipes()))
def test_every_recipe_can_have_the_extremes_of_its_space(recipe: str) -> None:
    config = with_recipe(recipe, {})
    space = read_space(None, config)
    for end in (0, -1):
        values = {
            name: (field.choices if isinstance(field, Choices) else (field.low, field.high))[end]
            for name, field in space.fields.items()
        }
        assert with_values(config, values) != config


@given(rate=st.floats(1e-4, 1e-1), units=st.integers(1, 500))
def test_a_trial_has_its_values_and_else_the_config(rate: float, units: int) -> None:
    config = with_values(CONFIG, {"fit.learning_rate": rate, "network.lstm_units": units})
    assert (config.fit.learning_rate, config.network) == (rate, ConvBilstmConfig(lstm_units=units))
    back = {
        "fit.learning_rate": CONFIG.fit.learning_rate,
        "network.lstm_units": ConvBilstmConfig().lstm_units,
    }
    assert with_values(config, back) == CONFIG


def test_a_file_has_ranges_and_choices(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(
        "[fit.learning_rate]\nlow = 0.001\nhigh = 0.1\nlog = true\n"
        '[text.truncating]\nchoices = ["pre", "post"]\n[network.filters]\nlow = 8\nhigh = 16\n'
    )
    assert read_space(file, CONFIG).fields == {
        "fit.learning_rate": Range(low=0.001, high=0.1, log=True),
        "text.truncating": Choices(choices=("pre", "post")),
        "network.filters": Range(low=8, high=16),
    }


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "names no field to vary"),
        ("[fit", "is no TOML"),
        ("fit = 3", "fit: a sweep varies fields of text, network, fit only"),
        ("[protocol.split_seed]\nlow = 0\nhigh = 9", "protocol: a sweep varies fields of"),
        ("[fit.seed]\nlow = 0\nhigh = 9", "fit.seed: there is no such field to vary"),
        ("[fit.speed]\nlow = 0\nhigh = 9", "fit.speed: there is no such field to vary"),
        ("[fit.epochs]\nlow = 3\nhigh = 3", "high=3: must be greater than low, 3"),
        ("[fit.epochs]\nlow = 3\nhigh = 9\nby = 2", "fit.epochs: by=2: there is no such field"),
        ("[fit.epochs]\nlow = 0.5\nhigh = 9", "fit.epochs=0.5: must be a whole number"),
        ("[fit.epochs]\nlow = 0\nhigh = 9", "epochs=0: must be greater than or equal to 1"),
        ("[fit.epochs]\nlow = 0\nhigh = 9\nlog = true", "low=0: must be greater than 0 with log"),
        ("[fit.epochs]\nchoices = [3]", "fit.epochs: choices=[3]"),
        ("[text.padding]\nlow = 1\nhigh = 2", "text.padding: is no number; name its choices"),
        ('[text.padding]\nchoices = ["pre", "up"]', "padding='up': must be 'pre' or 'post'"),
        ("[fit]\nepochs = 3", "fit.epochs: "),
    ],
)
def test_a_faulty_space_is_told_its_fault(tmp_path: Path, content: str, sentence: str) -> None:
    file = tmp_path / "space.toml"
    file.write_text(content)
    with pytest.raises(InvalidConfigError) as raised:
        read_space(file, CONFIG)
    assert str(raised.value).startswith(f"space={file}: ")
    assert sentence in str(raised.value)


def test_a_space_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"missing\.toml: cannot be read \(No such file"):
        read_space(tmp_path / "missing.toml", CONFIG)
