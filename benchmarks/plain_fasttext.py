"""A linear model of n-grams as one plain script of fastText, from a CSV file to its score.

`fasttext` comes with the extra `benchmark`. Words and pairs of them, as in A. Joulin, E. Grave,
P. Bojanowski and T. Mikolov, "Bag of tricks for efficient text classification", EACL 2017
(https://arxiv.org/abs/1607.01759), in more epochs, which a few thousand rows need.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import fasttext
from cyclopts import run
from sklearn.model_selection import train_test_split

from benchmarks.plain_ngrams import read

_LABEL = "__label__"


def learned(texts: list[str], labels: list[str]) -> Callable[[list[str]], list[str]]:
    """Return what answers texts with labels, and has learned from these."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        for text, label in zip(texts, labels, strict=True):
            file.write(f"{_LABEL}{label} {_in_one_line(text)}\n")
        file.flush()
        model = fasttext.train_supervised(
            file.name, dim=10, lr=1.0, epoch=25, wordNgrams=2, verbose=0
        )

    def answer(asked: list[str]) -> list[str]:
        found, _ = model.predict([_in_one_line(text) for text in asked])
        return [label.removeprefix(_LABEL) for (label,) in found]

    return answer


def _in_one_line(text: str) -> str:
    return " ".join(text.lower().split())


def main(file: Path) -> None:
    """Learn from four of five reviews, and print the accuracy on the others."""
    texts, labels = read(file)
    parts = train_test_split(texts, labels, test_size=0.2, random_state=0, stratify=labels)
    train, test, train_labels, test_labels = parts
    answers = learned(train, train_labels)(test)
    right = sum(answer == label for answer, label in zip(answers, test_labels, strict=True))
    sys.stdout.write(f"{right / len(test):.4f}\n")


if __name__ == "__main__":
    run(main)
