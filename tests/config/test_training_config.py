import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import InvalidConfigError
from tasks.config.training import (
    ConvBilstmConfig,
    Costs,
    DecisionConfig,
    FitConfig,
    NetworkConfig,
    NgramBagConfig,
    OwnNetworkConfig,
    TextConfig,
    TrainingConfig,
    changed_settings,
    default_groups,
    flat_config,
    validated_config,
)

BAG = {"architecture": "ngram_bag"}


def test_the_defaults_are_the_tutorials_recipe() -> None:
    config = TrainingConfig()
    assert (config.text.num_words, config.text.maxlen) == (10_000, 200)
    assert (config.text.padding, config.text.truncating) == ("pre", "pre")
    assert (config.fit.seed, config.fit.batch_size, config.fit.epochs) == (0, 64, 20)
    fit = config.fit
    assert (fit.stop_patience, fit.reduce_patience, fit.reduce_factor) == (4, 2, 0.2)
    network = config.network
    assert isinstance(network, ConvBilstmConfig)
    assert (network.embedding_dim, network.filters, network.kernel_size) == (200, 64, 5)
    assert (network.pool_size, network.lstm_units, network.last_lstm_units) == (4, 64, 32)
    assert network.dropout == 0.5
    assert config.protocol.protocol == "honest"


@pytest.mark.parametrize(
    "network", [ConvBilstmConfig(), NgramBagConfig(), OwnNetworkConfig(network="my_net.py:build")]
)
def test_a_config_survives_json(network: NetworkConfig) -> None:
    config = TrainingConfig(fit=FitConfig(seed=7), network=network)
    assert TrainingConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        ({"text": {"num_words": 0}}, "text.num_words=0: must be greater than or equal to 4"),
        ({"text": {"maxlen": 7}}, "maxlen=7: must be at least 8, which kernel_size=5 and"),
        (
            {"text": {"truncating": "middle", "maxlen": 64}},
            "head=64: must be less than 64 (maxlen) with truncating 'middle'",
        ),
        ({"text": {"head": 0}}, "text.head=0: must be greater than or equal to 1"),
        ({"decision": {"cost": "5"}}, "cost='5': must be two numbers above 0, as fp=5,fn=1"),
        ({"decision": {"cost": "fp=5,fp=1"}}, "cost='fp=5,fp=1': must be two numbers above 0"),
        ({"decision": {"cost": "fp=0,fn=1"}}, "cost='fp=0,fn=1': must be two numbers above 0"),
        (
            {"decision": {"cost": "fp=5,fn=1"}, "protocol": {"protocol": "tutorial"}},
            "cost='fp=5,fn=1': needs protocol 'honest', since the test reviews may not",
        ),
        ({"text": {"words": 5}}, "text.words=5: there is no such field"),
        ({"fit": {"learning_rate": float("inf")}}, "fit.learning_rate=inf: must be"),
        ({"fit": {"epochs": 1.5}}, "fit.epochs=1.5: must be a valid integer"),
        ({"protocol": {"protocol": "best"}}, "protocol.protocol='best': must be 'honest' or"),
        ({"network": {"architecture": "own"}}, "architecture='own': needs network, as my_net.py:"),
        ({"network": {"network": "net.py"}}, "network='net.py': must be FILE.py:FUNCTION"),
        (
            {"network": {"network": "net.py:build", "filters": 3}},
            "filters=3: is a size of architecture 'conv_bilstm', not of 'own'",
        ),
        ({"network": {"architecture": "x"}}, "architecture='x': must be 'conv_bilstm' or 'ngram_"),
        (
            {"network": {"ngram_tail": 7}},
            "ngram_tail=7: is a size of architecture 'ngram_bag', not of 'conv_bilstm'",
        ),
        (
            {"network": {"architecture": "ngram_bag", "filters": 7}},
            "filters=7: is a size of architecture 'conv_bilstm', not of 'ngram_bag'",
        ),
        ({"network": {"filters": 0}}, "network.filters=0: must be greater than or equal to 1"),
        ({"network": {"depth": 3}}, "network.depth=3: there is no such field"),
        ({"source": {"source": "files"}}, "source='files': needs --train-file"),
        (
            {"source": {"source": "imdb", "train_file": "a.csv"}},
            "train_file and test_file need source 'files'",
        ),
        ({"source": {"source": "packaged", "imdb_npz": "i.npz"}}, "needs source 'imdb' or 'auto'"),
        ({"source": {"imdb_form": "packages", "imdb_npz": "i.npz"}}, "needs imdb_form 'any'"),
        ({"source": {"text_column": "body"}}, "text_column and label_column need source 'files'"),
        ({"source": {"group_column": "author"}}, "group_column needs source 'files'"),
        ({"source": {"slice_columns": "shop"}}, "slice_columns needs source 'files'"),
        ({"source": {"time_column": "written"}}, "time_column needs source 'files'"),
        ({"source": {"as_of": "2026-01-05"}}, "as_of needs source 'files'"),
        (
            {"source": {"train_file": "a.csv", "time_column": "written"}},
            "as_of and time_column need each other",
        ),
        (
            {"source": {"train_file": "a.csv", "as_of": "2026-01-05"}},
            "as_of and time_column need each other",
        ),
        ({"text": {"tokenizer": "letters"}}, "tokenizer='letters': must be 'words', 'subwords' or"),
        (
            {"text": {"tokenizer": "subwords", "num_words": 50}},
            "num_words=50: must be at least 100",
        ),
        (
            {
                "text": {"tokenizer": "characters"},
                "network": {"network": "n.py:build", "embeddings": "v.txt"},
            },
            "embeddings='v.txt': are vectors of words; needs tokenizer 'words'",
        ),
        (
            {"network": BAG, "text": {"maxlen": 2}},
            "maxlen=2: must be at least 3, which ngram_words needs",
        ),
        ({"network": BAG | {"ngram_tail": 2}}, "ngram_tail=2: must be 0, or from 3"),
        ({"network": BAG | {"ngram_tail": 999}}, "ngram_tail=999: must be 0, or from 3"),
        (
            {"network": BAG | {"ngram_tail": 140}, "text": {"truncating": "middle"}},
            "ngram_tail=140: must be 0, or from 3 (ngram_words) to 136 (maxlen less head)",
        ),
        (
            {"network": BAG | {"ngram_tail": 40}, "text": {"padding": "post"}},
            "padding='post': must be 'pre' with ngram_tail",
        ),
        ({"fit": {"momentum": 0.9}}, "momentum=0.9: sgd and rmsprop have one, adam has none"),
        (
            {"fit": {"warmup_epochs": 3, "epochs": 3}},
            "warmup_epochs=3: must be less than epochs=3",
        ),
        ({"fit": {"optimizer": "adagrad"}}, "'adam', 'adamw', 'sgd', 'rmsprop' or 'lion'"),
    ],
)
def test_an_impossible_value_is_refused_by_its_name(groups: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidConfigError, match=re.escape(sentence)):
        validated_config(**groups)


def test_the_head_may_be_longer_than_a_review_where_it_is_not_used() -> None:
    assert validated_config(text={"maxlen": 64}).text.kept_first == 0
    assert validated_config(text={"maxlen": 64, "truncating": "post"}).text.kept_first == 64


def test_all_faults_are_listed_at_once() -> None:
    with pytest.raises(InvalidConfigError, match=r"text\.num_words=0.*\nfit\.epochs=0"):
        validated_config(text={"num_words": 0}, fit={"epochs": 0})


@given(kernel=st.integers(1, 50), pool=st.integers(1, 50), maxlen=st.integers(1, 120))
def test_a_review_is_accepted_exactly_when_it_fills_one_pooling_window(
    kernel: int, pool: int, maxlen: int
) -> None:
    convolved = maxlen - kernel + 1
    groups: dict[str, Any] = {
        "text": {"maxlen": maxlen},
        "network": {"kernel_size": kernel, "pool_size": pool},
    }
    if convolved >= pool:
        assert validated_config(**groups).text == TextConfig(maxlen=maxlen)
    else:
        with pytest.raises(InvalidConfigError, match=f"at least {kernel + pool - 1}"):
            validated_config(**groups)


def test_no_two_fields_of_the_config_have_one_name() -> None:
    groups = TrainingConfig().model_dump()
    assert len(flat_config(TrainingConfig())) == sum(map(len, groups.values()))


def test_sizes_of_another_network_than_the_default_have_its_own_defaults() -> None:
    config = TrainingConfig(network=NgramBagConfig(ngram_tail=7))
    assert {one.name: (one.value, one.default) for one in changed_settings(config)} == {
        "architecture": ("ngram_bag", "conv_bilstm"),
        "ngram_tail": (7, 0),
    }
    assert default_groups(config)["network"].keys() == NgramBagConfig.model_fields.keys()


@given(st.integers(0, 9), st.floats(0.001, 1))
def test_exactly_the_settings_off_their_defaults_are_changed(seed: int, rate: float) -> None:
    fit = TrainingConfig().fit.model_copy(update={"seed": seed, "learning_rate": rate})
    changed = changed_settings(TrainingConfig(fit=fit))
    expected = {"seed": seed} if seed else {}
    assert {setting.name: setting.value for setting in changed} == expected | (
        {"learning_rate": rate} if rate != 0.001 else {}
    )


def test_costs_are_read_in_any_order_and_are_those_of_two_labels() -> None:
    decision = DecisionConfig(cost="fn=1, fp=2.5")
    assert decision.costs == Costs(fp=2.5, fn=1)
    decision.require_two(2)
    with pytest.raises(
        InvalidConfigError, match="tells two labels apart, and these reviews have 3"
    ):
        decision.require_two(3)
    DecisionConfig().require_two(3)
    assert DecisionConfig().costs is None
