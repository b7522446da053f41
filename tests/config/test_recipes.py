import re
from pathlib import Path

import pytest

from tasks.common.errors import InvalidConfigError
from tasks.config.recipes import (
    DEFAULT_RECIPE,
    Groups,
    changed_config,
    config_of,
    find_recipe,
    recipes,
    with_recipe,
)
from tasks.config.training import (
    ConvBilstmConfig,
    FitConfig,
    OwnNetworkConfig,
    ProtocolConfig,
    TextConfig,
    TrainingConfig,
)
from tests.support.commands import read_options

ROOT = Path(__file__).parents[2]

NAMES = sorted(recipes())

EXPECTED = (
    'description = "d"\n[expected]\naccuracy = 0.9\nspread = 0.1\nseeds = 1\ncpu_seconds = 1\n'
)


def test_the_default_recipe_is_the_default_config() -> None:
    assert DEFAULT_RECIPE == "tutorial"
    assert with_recipe(DEFAULT_RECIPE, {}) == TrainingConfig()


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_honest_and_leaves_the_seed_to_the_run(name: str) -> None:
    recipe = recipes()[name]
    config = with_recipe(name, {})
    assert config.protocol.protocol == "honest"
    assert "seed" not in recipe.fit
    assert "split_seed" not in recipe.protocol
    assert read_options(recipe.command.split()[2:]).config.network == config.network


@pytest.mark.parametrize("name", NAMES)
def test_readme_and_docs_say_what_the_recipe_says(name: str) -> None:
    expected = recipes()[name].expected
    score = f"{expected.accuracy:.4f} ± {expected.spread:.4f}"
    docs = (ROOT / "docs/recipes.md").read_text(encoding="utf-8").replace("*", "")
    assert f"| `{name}` | {score} | {expected.seeds} | {expected.cpu_seconds:.0f} s |" in docs
    for file in ("README.md", "README.ko.md"):
        assert name == "ngrams_tail" or score in (ROOT / file).read_text(encoding="utf-8")


def test_the_cheapest_recipe_comes_first() -> None:
    costs = [recipe.expected.cpu_seconds for recipe in recipes().values()]
    assert costs == sorted(costs)


def test_options_change_single_fields_of_a_recipe_and_may_bring_back_a_default() -> None:
    recipe = with_recipe("ngrams", {})
    fit, protocol = FitConfig(seed=7), ProtocolConfig()
    config = with_recipe(
        "ngrams", {"text": TextConfig(maxlen=200), "fit": fit, "protocol": protocol}
    )
    assert config.text == recipe.text.model_copy(update={"maxlen": TextConfig().maxlen})
    assert config.fit == recipe.fit.model_copy(update={"seed": 7})
    assert config.protocol == recipe.protocol


def test_another_recipe_and_an_option_that_does_not_fit_are_refused() -> None:
    with pytest.raises(InvalidConfigError, match="recipe='nix': must be 'ngrams' or"):
        with_recipe("nix", {})
    with pytest.raises(InvalidConfigError, match="padding='post': must be 'pre'"):
        with_recipe("ngrams_tail", {"text": TextConfig(padding="post")})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("description =", "mine.toml: Invalid value"),
        ("text = 3", "mine.toml: text=3: must be a valid dictionary"),
        (EXPECTED + "[fit]\nepochs = 0\n", "fit.epochs=0: must be greater than"),
        (EXPECTED + "[fit]\nspeed = 9\n", "fit.speed=9: there is no such field"),
        (EXPECTED + "[source]\nsource = 'imdb'\n", "there is no such field"),
        (EXPECTED.replace("0.9", "1.9"), "expected.accuracy=1.9: must be less than 1"),
    ],
)
def test_a_faulty_recipe_is_told_what_is_wrong(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "mine.toml").write_text(content)
    with pytest.raises(InvalidConfigError, match=re.escape(sentence)):
        find_recipe(str(tmp_path / "mine.toml"))


def test_recipes_are_listed_with_score_cost_and_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        read_options(["--list-recipes"])
    assert raised.value.code == 0
    shown = capsys.readouterr().out
    for recipe in recipes().values():
        assert f"\n  {recipe.command}\n" in shown
        assert f"{recipe.expected.accuracy:.4f} ± {recipe.expected.spread:.4f}" in shown


def test_another_architecture_leaves_out_a_network_of_the_users() -> None:
    own: Groups = {"network": {"network": "my_net.py:build", "network_option": "units=3"}}
    other = changed_config(own, {"network": ConvBilstmConfig(architecture="conv_bilstm")})
    assert other.network == ConvBilstmConfig()
    again = changed_config(own, {"network": OwnNetworkConfig(network="b.py:build")})
    assert again.network == OwnNetworkConfig(network="b.py:build", network_option="units=3")
    back = changed_config({"network": {"filters": 3}}, {"network": again.network})
    assert back.network == again.network


def test_another_architecture_leaves_out_what_the_recipe_says_of_its_own() -> None:
    assert config_of("ngrams", {"architecture": "conv_bilstm"}).network == ConvBilstmConfig()
