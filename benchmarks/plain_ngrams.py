"""A linear model of n-grams as one plain script of scikit-learn, from a CSV file to its score."""

import csv
import sys
from pathlib import Path

from cyclopts import run
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline


def learned(texts: list[str], labels: list[str]) -> Pipeline:
    """Return a pipeline that has learned from these texts, by up to three words at once."""
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 3), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    )
    return pipeline.fit(texts, labels)


def read(file: Path) -> tuple[list[str], list[str]]:
    """Return the texts and the labels of a CSV file with the columns text and label."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def main(file: Path) -> None:
    """Learn from four of five reviews, and print the accuracy on the others."""
    texts, labels = read(file)
    parts = train_test_split(texts, labels, test_size=0.2, random_state=0, stratify=labels)
    train, test, train_labels, test_labels = parts
    sys.stdout.write(f"{learned(train, train_labels).score(test, test_labels):.4f}\n")


if __name__ == "__main__":
    run(main)
