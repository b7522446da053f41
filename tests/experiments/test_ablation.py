import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.common.errors import InvalidConfigError
from tasks.config.experiments import AblationConfig
from tasks.config.recipes import with_recipe
from tasks.config.training import TrainingConfig, describe_invalid, validated_config
from tasks.experiments.ablation import text_variants, tokens_name, words_name


def names(config: TrainingConfig, ablation: AblationConfig) -> list[tuple[str, str]]:
    texts = [variant.text for variant in text_variants(config, ablation)]
    return [(tokens_name(text), words_name(text)) for text in texts]


def test_the_config_comes_first_and_each_variant_changes_one_thing() -> None:
    assert names(TrainingConfig(), AblationConfig()) == [
        ("last 200", "10,000"),
        ("first 200", "10,000"),
        ("64 + 136", "10,000"),
        ("last 400", "10,000"),
        ("last 200", "5,000"),
        ("last 200", "30,000"),
    ]


def test_a_config_that_no_variant_names_is_one_of_them_too() -> None:
    ablation = AblationConfig(tokens=("last-200",), words=(10_000,))
    assert names(with_recipe("ngrams", {}), ablation) == [
        ("last 800", "30,000"),
        ("last 200", "30,000"),
        ("last 800", "10,000"),
    ]


@given(head=st.integers(1, 500), tail=st.integers(8, 500), words=st.integers(4, 1_000_000))
def test_a_variant_differs_in_nothing_but_what_it_names(head: int, tail: int, words: int) -> None:
    config = validated_config(fit={"seed": 3}, text={"padding": "post"})
    ablation = AblationConfig(tokens=(f"{head}+{tail}",), words=(words,))
    both_ends = text_variants(config, ablation)[1]
    assert both_ends.text.kept_first == head
    assert both_ends.text.maxlen == head + tail
    assert both_ends.text.num_words == config.text.num_words
    for variant in text_variants(config, ablation):
        assert variant.text.padding == "post"
        assert variant.model_copy(update={"text": config.text}) == config


@pytest.mark.parametrize(
    "cut", ["", "200", "last-0", "last-", "mid-5", "64+", "0+9", "1+2+3", "٣+٣"]
)
def test_an_unknown_cut_is_named_with_what_is_allowed(cut: str) -> None:
    with pytest.raises(ValidationError) as raised:
        AblationConfig(tokens=(cut,))
    sentence = describe_invalid(raised.value)
    assert sentence.startswith(f"tokens={cut!r}: must be last-N, first-N, or N+M")


def test_a_variant_that_the_network_cannot_read_is_refused() -> None:
    tail = with_recipe("ngrams_tail", {})
    with pytest.raises(InvalidConfigError, match=r"ngram_tail=40: must be 0, or from 4 .* to 20"):
        text_variants(tail, AblationConfig(tokens=("100+20",)))
