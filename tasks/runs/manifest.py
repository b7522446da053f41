"""The records of a run: its manifest, its score, its steps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tasks.common.artifact_store import StepRun
from tasks.common.device import Device
from tasks.common.errors import BadDataError
from tasks.common.hashed_files import FileList
from tasks.common.records import Record
from tasks.data.sources.source_files import SourceFiles, source_label
from tasks.evaluation.significance import SliceScore

MANIFEST = "manifest.json"

NAMING = "naming.json"
"""Name, tags and note, which can be changed later and have a hash of their own."""

MANIFEST_SHA256 = "manifest.sha256"
"""Holds the manifest's own hash, as `sha256sum` writes it."""


class FactRecord(Record):
    """A record whose fields are among the facts that a step leaves."""

    @classmethod
    def from_facts(cls, facts: Mapping[str, object], prefix: str = "") -> Self:
        """Return the record in the facts whose names begin with `prefix`."""
        named = {name: f"{prefix}{name}" for name in cls.model_fields}
        return cls.model_validate(
            {name: facts[fact] for name, fact in named.items() if fact in facts}
        )


class Score(FactRecord):
    """The headline of a run; never shown without its protocol and source.

    It has the macro F1 where more than two labels are not balanced: that leads then.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    macro_f1: float | None = None
    macro_f1_low: float = 0.0
    macro_f1_high: float = 1.0
    test_reviews: int
    protocol: str
    source: str
    form: str

    @property
    def lead(self) -> tuple[str, float, float, float]:
        """The score that says most: its name, its value and its 95 % interval."""
        if self.macro_f1 is None:
            return "accuracy", self.accuracy, self.accuracy_low, self.accuracy_high
        return "macro F1", self.macro_f1, self.macro_f1_low, self.macro_f1_high

    @property
    def source_label(self) -> str:
        """Where the reviews are from, in words."""
        return source_label(self.source, self.form)


CLASSIFIER = " + logistic regression"
"""With which the names of all baselines end."""


class BaselineScore(FactRecord):
    """What a linear model scores that was trained on the same reviews, or on a sample of them.

    `learned_from` and `training_reviews` are None where it was trained on all.
    """

    name: str
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    learned_from: int | None = None
    training_reviews: int | None = None

    @property
    def sample(self) -> str:
        """From how many of the training reviews it learned; empty where it learned from all."""
        if self.learned_from is None:
            return ""
        return f"learned from {self.learned_from:,} of {self.training_reviews:,} training reviews"

    @property
    def called(self) -> str:
        """Its name for people, which says so where it is a weaker opponent for want of reviews."""
        return f"{self.name} {self.sample}".rstrip()

    @property
    def sample_mark(self) -> str:
        """What stands beside its accuracy in a table."""
        return ", sample" if self.sample else ""


class Training(FactRecord):
    """How long a training ran, and which epoch (from 1 on) gave the best model."""

    epochs_run: int
    best_epoch: int


class VectorCoverage(FactRecord):
    """How far a file of vectors covers the words of a run.

    Of the `known_words` of the network `words_with_vector` have one of the file; these are the
    share `tokens_with_vector` of the words of the training reviews.
    """

    known_words: int
    words_with_vector: int
    tokens_with_vector: float

    @property
    def sentence(self) -> str:
        """All three for people."""
        return (
            f"{self.words_with_vector:,} of the {self.known_words:,} words that the network knows"
            f" have a vector of the file; they are {100 * self.tokens_with_vector:.1f} % of the"
            " words of the training reviews"
        )


class Manifest(FileList):
    """What was run, on what, with which result; written last, so it marks a finished run.

    `fingerprints` are hashes of the texts and labels of the `train` and the `test` set. One of
    an earlier version has neither `label_names` nor `slices`. `vectors`
    is None where no file of vectors was used.
    """

    NAME, HASH_NAME, VERSION, AGAIN = MANIFEST, MANIFEST_SHA256, 2, "start that run again"
    UNLISTED = (NAMING,)

    schema_version: int = VERSION
    run_id: str
    flow_run_id: str
    created: str
    seed: int
    label_names: tuple[str, ...] = ()
    score: Score
    baseline: BaselineScore
    bayes_baseline: BaselineScore
    training: Training
    slices: tuple[SliceScore, ...] = ()
    vectors: VectorCoverage | None = None
    source: SourceFiles
    device: Device
    fingerprints: dict[str, str]
    data_content: dict[str, str]
    weights: dict[str, str]
    steps: list[StepRun]
    versions: dict[str, str]
    machine: dict[str, Any]
    git: dict[str, Any]

    @property
    def baselines(self) -> list[BaselineScore]:
        """All linear baselines of the run."""
        return [self.baseline, self.bayes_baseline]


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a finished run, once its own hash is checked.

    Raises:
        BadDataError: The folder is no finished run, its manifest is damaged, or it was
            written by another version of this project.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise BadDataError(f"{folder} is not a finished run: it has no {MANIFEST}")
    if not Manifest.is_whole(folder):
        raise BadDataError(f"{file} is damaged: it does not have the hash in {MANIFEST_SHA256}")
    return Manifest.parse(file.read_bytes(), file)
