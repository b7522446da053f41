"""The variants of an ablation: configs that differ in how a review becomes a row of numbers."""

from typing import Any

from tasks.config.experiments import AblationConfig
from tasks.config.training import TextConfig, TrainingConfig, validated_config


def text_variants(config: TrainingConfig, ablation: AblationConfig) -> list[TrainingConfig]:
    """Return the config, and each variant of it once."""
    changes: list[dict[str, Any]] = [
        *(_kept_tokens(cut) for cut in ablation.tokens),
        *({"num_words": words} for words in ablation.words),
    ]
    texts = (config.text.model_dump() | change for change in changes)
    variants = [config, *(validated_config(**dict(config) | {"text": text}) for text in texts)]
    return [one for place, one in enumerate(variants) if one not in variants[:place]]


def _kept_tokens(cut: str) -> dict[str, Any]:
    if "+" in cut:
        head, tail = map(int, cut.split("+"))
        return {"truncating": "middle", "head": head, "maxlen": head + tail}
    end, count = cut.split("-")
    return {"truncating": "pre" if end == "last" else "post", "maxlen": int(count)}


def tokens_name(text: TextConfig) -> str:
    """Return which tokens of a long review are kept, for people."""
    if text.truncating == "middle":
        return f"{text.head:,} + {text.maxlen - text.head:,}"
    return f"{'last' if text.truncating == 'pre' else 'first'} {text.maxlen:,}"


def words_name(text: TextConfig) -> str:
    """Return the size of the vocabulary, for people."""
    return f"{text.num_words:,}"
