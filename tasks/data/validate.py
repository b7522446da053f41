"""Check the reviews and describe them: one report, one error that lists every failure."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig
from tasks.data.sources.source_files import OFFICIAL_SPLIT_ROWS
from tasks.data.text.corpus import LabelledTokens, TokenizedSource, distinct_reviews, occurrences_in
from tasks.data.text.tokenizer import UNKNOWN_ID
from tasks.data.text.vocabulary import RaggedTokens

_SMALLEST_CLASS = 5
_ONLY_START = 1


def describe_reviews(source: TokenizedSource) -> dict[str, Any]:
    """Return the data report: sizes, balance, lengths, unknown words, duplicates, overlap."""
    classes = len(source.label_names)
    sets = {"train": source.train, "test": source.test}
    described = {split: _describe_set(reviews, classes) for split, reviews in sets.items()}
    train, test = distinct_reviews(source.train.hashes), distinct_reviews(source.test.hashes)
    return {
        "label_names": list(source.label_names),
        "left_out": {
            split: {what: vars(rows) for what, rows in reasons.items() if rows.count}
            for split, reasons in source.left_out.items()
        },
        "vocabulary_words": len(source.vocabulary.words),
        **described,
        "overlap": {
            "distinct_texts_in_both": int(occurrences_in(train, test).sum()),
            "test_reviews_seen_in_train": int(occurrences_in(train, source.test.hashes).sum()),
        },
    }


def _describe_set(reviews: LabelledTokens, classes: int) -> dict[str, Any]:
    lengths = reviews.lengths
    tokens, unknown, lowest, highest = _count_ids(reviews.tokens)
    quantiles: list[float] = (
        np.quantile(lengths, [0, 0.25, 0.5, 0.75, 0.95, 1]).tolist() if len(lengths) else []
    )
    return {
        "reviews": len(reviews.labels),
        "class_counts": np.bincount(reviews.labels, minlength=classes).tolist(),
        "empty_texts": int(np.sum(lengths == _ONLY_START)),
        "duplicates": len(reviews.hashes) - len(distinct_reviews(reviews.hashes)),
        "tokens": tokens,
        "mean_length": round(float(lengths.mean()), 3) if len(lengths) else 0.0,
        "length_quantiles": dict(
            zip(["min", "q25", "median", "q75", "q95", "max"], quantiles, strict=False)
        ),
        "unknown_share": round(unknown / tokens, 6) if tokens else 0.0,
        "id_range": [lowest, highest] if tokens else [0, 0],
    }


def _count_ids(chunks: Iterable[RaggedTokens]) -> tuple[int, int, int, int]:
    """Return how many ids there are, how many of them are unknown, the lowest and the highest."""
    tokens = unknown = highest = 0
    lowest = np.iinfo(np.int32).max
    for ids in (chunk.ids for chunk in chunks if len(chunk.ids)):
        tokens += len(ids)
        unknown += int(np.sum(ids == UNKNOWN_ID))
        lowest, highest = min(lowest, int(ids.min())), max(highest, int(ids.max()))
    return tokens, unknown, lowest, highest


def require_valid(report: dict[str, Any], config: DataConfig) -> None:
    """Check a data report, and its source, against the rules.

    The official split must be whole and balanced where nothing is dropped from it. A BadDataError
    lists every failure in one sentence.
    """
    official = report["source"] == "imdb" and not config.deduplicate
    expected_rows = OFFICIAL_SPLIT_ROWS if official else None
    failures = []
    for split in ("train", "test"):
        failures += _class_failures(split, report, expected_rows)
        failures += _set_failures(split, report[split], report["vocabulary_words"])
    seen, reviews = report["overlap"]["test_reviews_seen_in_train"], report["test"]["reviews"]
    if reviews and seen / reviews > config.max_overlap:
        failures.append(
            f"{seen} of {reviews} test reviews occur in training, more than max_overlap="
            f"{config.max_overlap} allows (--deduplicate drops them from training)"
        )
    if failures:
        raise BadDataError(f"the reviews cannot be used: {'; '.join(failures)}")


def _class_failures(split: str, report: dict[str, Any], expected_rows: int | None) -> list[str]:
    failures = []
    counts = report[split]["class_counts"]
    if expected_rows and counts != [expected_rows // 2] * 2:
        found = " and ".join(map(str, counts))
        failures.append(
            f"{split} must have {expected_rows // 2} reviews of each class, has {found}"
        )
    named = zip(report["label_names"], counts, strict=True)
    rare = {name: count for name, count in named if count < _SMALLEST_CLASS}
    if rare:
        found = ", ".join(f"{count} of {name!r}" for name, count in rare.items())
        other = ""
        if len(counts) > 2:  # noqa: PLR2004 - two are not to become one
            other = ", put labels together with --merge-labels old=new, or leave them out with"
            other += f" --drop-labels {','.join(rare)}"
        failures.append(
            f"{split} needs at least {_SMALLEST_CLASS} reviews of each class, has"
            f" {found}, which are too few for a score: add reviews{other}"
        )
    return failures


def _set_failures(split: str, described: dict[str, Any], vocabulary_words: int) -> list[str]:
    failures = []
    if described["empty_texts"]:
        failures.append(f"{split} has {described['empty_texts']} texts without any word")
    lowest, highest = described["id_range"]
    if lowest < 1 or highest > vocabulary_words + 3:
        failures.append(
            f"{split} has token ids from {lowest} to {highest}, outside 1 to {vocabulary_words + 3}"
        )
    return failures
