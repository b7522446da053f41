import shlex
from pathlib import Path
from typing import Any

import pytest

from flows.cli.train import app
from tasks.config.recipes import with_recipe
from tasks.config.repeat import train_command
from tasks.config.training import SourceConfig, TrainingConfig, validated_config
from tests.support.commands import parameters
from tests.support.small_run import small_config, write_reviews


@pytest.mark.parametrize(
    "groups",
    [
        {},
        {"source": {"source": "packaged"}, "fit": {"seed": 3, "deterministic": True}},
        {"data": {"deduplicate": True}, "saving": {"save_every_steps": 5}},
        {"protocol": {"protocol": "tutorial"}, "text": {"truncating": "middle", "head": 30}},
        {"network": {"architecture": "ngram_bag", "ngram_words": 2}},
    ],
)
def test_the_command_that_repeats_a_run_makes_its_config(groups: dict[str, Any]) -> None:
    config = validated_config(**groups)
    assert made_by(train_command(config, config.source.source)) == config


def test_the_command_names_a_file_with_its_columns(tmp_path: Path) -> None:
    reviews = write_reviews(tmp_path / "my reviews.csv", 20)
    reviews.write_text(reviews.read_text().replace("text,label", "-t,label", 1))
    config = small_config(reviews)
    source = SourceConfig(train_file=reviews, text_column="-t")
    config = config.model_copy(update={"source": source})
    assert made_by(train_command(config, "files")) == config


def test_the_command_is_short_where_a_recipe_says_it_all() -> None:
    config = with_recipe("ngrams", {})
    command = train_command(config, "imdb")
    assert command.endswith(" --source imdb --recipe ngrams")
    assert made_by(command) == config


def made_by(command: str) -> TrainingConfig:
    _, options = command.split(" --", maxsplit=1)
    made = parameters(app, ["--accelerator=cpu", *shlex.split(f"--{options}")]).config
    assert isinstance(made, TrainingConfig)
    return made
