from pathlib import Path
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema

from flows.cli.train import app
from flows.pipelines.train_form import train_from_form
from tasks.common.errors import InvalidConfigError
from tasks.config.recipes import recipes
from tasks.config.run_form import RunForm, form_of, read_form
from tasks.config.training import FitConfig, TrainingConfig, validated_config
from tests.support.commands import parameters
from tests.support.small_run import write_reviews

FORM = parameter_schema(train_from_form).properties


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "--source imdb"),
        ({"reviews": "packaged", "epochs": 2, "seed": 5}, "--source packaged --epochs 2 --seed 5"),
        ({"recipe": "ngrams_tail"}, "--source imdb --recipe ngrams_tail"),
        (
            {"reviews": "own.csv", "text_column": "body", "label_column": "stars"},
            "--train-file own.csv --text-column body --label-column stars",
        ),
    ],
)
def test_a_form_makes_the_config_of_the_same_options(
    form: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reviews = write_reviews(tmp_path / "own.csv", 20)
    reviews.write_text(reviews.read_text().replace("text,label", "body,stars", 1))
    config = read_form(**form).config()
    assert config == parameters(app, [*words.split(), "--accelerator=cpu"]).config
    assert form_of(config) == read_form(**form)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"recipe": "best"}, "recipe='best': must be 'ngrams' or 'ngrams_tail' or 'tutorial'"),
        ({"reviews": "none.csv"}, "reviews='none.csv': there is no such file on the machine that"),
        ({"reviews": "imdb", "text_column": "body"}, "reviews='imdb': has the columns 'text' and"),
        ({"epochs": -1}, "epochs=-1: must be greater than or equal to 0"),
        ({"seed": -1}, "seed=-1: must be greater than or equal to 0"),
        ({"reviews": ""}, "reviews='': String should have at least 1 character"),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(form: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidConfigError) as refused:
        read_form(**form).config()
    assert str(refused.value).startswith(told)
    assert "\n" not in str(refused.value)


def test_what_no_field_asks_is_left_out_of_a_proposal() -> None:
    config = validated_config(
        source={"source": "auto"}, text={"maxlen": 300}, fit={"epochs": 7, "seed": 2}
    )
    assert form_of(config) == RunForm(epochs=7, seed=2)


def test_the_form_has_seven_fields_each_with_a_label_and_a_help() -> None:
    assert list(FORM) == [*RunForm.model_fields]
    assert [field["title"] for field in FORM.values()] == [
        "Recipe",
        "Reviews",
        "Text column",
        "Label column",
        "Epochs",
        "Seed",
        "Promote",
    ]
    assert all(len(field["description"]) > 20 for field in FORM.values())


def test_the_form_offers_all_recipes_and_proposes_the_defaults_of_the_command_line() -> None:
    assert FORM["recipe"]["enum"] == list(recipes())
    assert RunForm().config() == TrainingConfig()
    bounds = FitConfig.model_json_schema()["properties"]["seed"]
    assert FORM["seed"].items() >= {k: v for k, v in bounds.items() if k != "title"}.items()
