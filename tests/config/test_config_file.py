"""A config file: any run again with one number changed, or settings that a person has written."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.cli import retrain, train
from tasks.common.errors import InvalidConfigError
from tasks.config.recipes import Groups, changed_config, read_config_file
from tasks.config.training import (
    ConvBilstmConfig,
    SourceConfig,
    TrainingConfig,
    validated_config,
)
from tests.support.commands import parameters, read_options, refusal
from tests.support.small_run import write_reviews

MINE = """
recipe = "ngrams"

[source]
train_file = "reviews.csv"
label_column = "stars"

[fit]
epochs = 7
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    reviews = write_reviews(Path("reviews.csv"), 20)
    reviews.write_text(reviews.read_text().replace("text,label", "text,stars", 1))
    Path("mine.toml").write_text(MINE)
    return tmp_path


def toml(groups: dict[str, dict[str, Any]]) -> str:
    """Return groups as TOML, in which nothing stands for None."""
    lines = []
    for group, fields in groups.items():
        lines.append(f"[{group}]")
        # JSON's texts, numbers and truth values are those of TOML.
        known = {name: value for name, value in fields.items() if value is not None}
        lines += [
            f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in known.items()
        ]
    return "\n".join(lines)


NETWORKS = st.one_of(
    st.fixed_dictionaries(
        {"architecture": st.just("conv_bilstm")},
        optional={"filters": st.integers(1, 99), "dropout": st.floats(0, 0.99)},
    ),
    st.fixed_dictionaries(
        {"architecture": st.just("ngram_bag")},
        optional={"ngram_words": st.integers(1, 8), "ngram_smoothing": st.floats(0.001, 1e6)},
    ),
)

FILES = st.fixed_dictionaries(
    {"source": st.just("files"), "train_file": st.sampled_from(["a.csv", "ü/b c.jsonl"])},
    optional={
        "text_column": st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1),
        "positive_label": st.sampled_from(["1", 'a "b"', "\\"]),
    },
)

CONFIGS = st.builds(
    validated_config,
    source=st.one_of(FILES, st.fixed_dictionaries({"source": st.sampled_from(["imdb", "auto"])})),
    data=st.fixed_dictionaries(
        {"deduplicate": st.booleans(), "test_fraction": st.floats(0.01, 0.99)}
    ),
    text=st.fixed_dictionaries({"maxlen": st.integers(20, 900)}),
    network=NETWORKS,
    fit=st.fixed_dictionaries({"seed": st.integers(0, 2**32 - 1), "epochs": st.integers(1, 99)}),
    saving=st.fixed_dictionaries({"save_every_steps": st.none() | st.integers(1, 9)}),
)


@settings(max_examples=50)
@given(config=CONFIGS)
def test_a_config_survives_a_file(
    tmp_path_factory: pytest.TempPathFactory, config: TrainingConfig
) -> None:
    groups = config.model_dump(mode="json")
    folder = tmp_path_factory.mktemp("files")
    for name, text in (("config.json", json.dumps(groups)), ("config.toml", toml(groups))):
        (folder / name).write_text(text, encoding="utf-8")
        assert changed_config(read_config_file(folder / name), {}) == config


@pytest.mark.usefixtures("folder")
def test_options_win_over_the_file_which_wins_over_its_recipe() -> None:
    config = read_options(["--config=mine.toml", "--seed=3", "--maxlen=99"]).config
    assert config.source.train_file == Path("reviews.csv")
    assert (config.fit.epochs, config.fit.seed, config.fit.learning_rate) == (7, 3, 0.01)
    assert (config.text.maxlen, config.text.num_words) == (99, 30_000)
    assert config.network.architecture == "ngram_bag"
    other = read_options(["--config=mine.toml", "--architecture=conv_bilstm", "--filters=3"])
    assert other.config.network.architecture == "conv_bilstm"


def test_a_file_and_the_options_may_name_the_source_together(folder: Path) -> None:
    Path("columns.toml").write_text('[source]\nlabel_column = "stars"\n')
    words = ["--config=columns.toml", "--train-file=reviews.csv"]
    assert read_options(words).config.source.label_column == "stars"
    asked = parameters(retrain.app, [*words, "--accelerator=cpu"])
    assert asked["config"].source.train_file == folder / "reviews.csv"
    Path("text.toml").write_text("[text]\nmaxlen = 99\n")
    assert read_options(["--config=text.toml"]).config.source.source == "auto"


@pytest.mark.usefixtures("folder")
def test_a_recipe_of_ones_own_needs_no_figures() -> None:
    Path("quick.toml").write_text("[fit]\nepochs = 1\n")
    assert read_options(["--recipe=quick.toml"]).config.fit.epochs == 1


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--config=none.toml", "none.toml: cannot be read (No such file"),
        ("--config=nobody", "'nobody' names no run in"),
        ("--config=mine.toml --recipe=ngrams", "give --recipe or --config, not both"),
        ("--config=mine.toml --filters=3", "--filters 3: is a size of --architecture conv_bilstm"),
        (
            "--network=examples/networks.py:gru --training-step=fast",
            "--training-step fast: must be 'auto' or 'keras' for a network of your own",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = refusal(lambda given: parameters(train.app, given), words, capsys)
    assert told in said


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[fit]\nepoch = 3", "fit.epoch=3: there is no such field; the nearest is fit.epochs"),
        ("[fit]\nmaxlen = 3", "fit.maxlen=3: there is no such field; the nearest is text.maxlen"),
        ("epochs = 3", "epochs=3: there is no such field; the nearest is fit.epochs"),
        ("[fitt]\nepochs = 3", "fitt: there is no such field; the nearest is fit"),
        ("[network]\nfilter = 3", "network.filter=3: there is no such field; the nearest is netw"),
        ("[fit]\nzzz = 3", "fit.zzz=3: there is no such field"),
        ("fit = 3", "fit=3: must be a valid dictionary"),
        ("name = 'a'", "must hold groups of fields, and no name"),
        ("[fit", "Expected ']'"),
        ('recipe = "best"', "recipe='best': must be 'ngrams' or"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(
    tmp_path: Path, content: str, told: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(InvalidConfigError) as refused:
        changed_config(read_config_file(file), {})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_belongs_to_another_source_or_network_goes_with_it() -> None:
    files = {"source": "files", "train_file": "a.csv", "label_column": "stars"}
    base: Groups = {"source": files, "network": {"architecture": "ngram_bag", "ngram_words": 2}}
    imdb = changed_config(base, {"source": SourceConfig(source="imdb")})
    assert imdb == validated_config(network=base["network"])
    other = changed_config(base, {"network": ConvBilstmConfig(architecture="conv_bilstm")})
    assert other == validated_config(source=files)
