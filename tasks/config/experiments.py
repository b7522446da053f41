"""What is trained many times: seeds, forms of the text, trials of a sweep; and where that runs."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from tasks.common.errors import InvalidConfigError
from tasks.common.records import Settings
from tasks.config.training import Protocol, ProtocolConfig, UserPath

Runner = Literal["local", "dask", "ray"]
Objective = Literal["val_loss", "val_accuracy"]
_CUT = re.compile(r"(last|first)-[1-9]\d{0,5}|[1-9]\d{0,5}\+[1-9]\d{0,5}", re.ASCII)


class RunnerConfig(Settings):
    """Where trainings run, each in a process of its own."""

    runner: Runner = "local"
    """local: processes of this machine. dask, ray: the workers of a cluster, which share the
    artifacts folder."""
    workers: int = Field(1, ge=1)
    """Trainings at the same time."""
    address: Annotated[str, Field(min_length=1)] | None = None
    """Of a Dask or Ray cluster that exists; without, one is made for the flow."""

    @model_validator(mode="after")
    def _only_a_cluster_has_an_address(self) -> Self:
        if self.runner == "local" and self.address is not None:
            raise ValueError(f"address={self.address!r}: needs runner 'dask' or 'ray'")
        return self


def _each_once(values: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(values)) < len(values):
        raise ValueError("must name each one once")
    return values


def _known_cut(cut: str) -> str:
    if not _CUT.fullmatch(cut):
        raise ValueError(
            f"tokens={cut!r}: must be last-N, first-N, or N+M for both ends, with whole numbers"
            " above 0, as last-200, first-200 or 64+136"
        )
    return cut


class SeedsConfig(Settings):
    """How many trainings that differ in their seed alone."""

    seeds: int = Field(5, ge=1, le=1000)
    """Number of seeds, from the config's seed on."""
    protocols: Annotated[tuple[Protocol, ...], AfterValidator(_each_once)] = Field(
        ("honest", "tutorial"), min_length=1
    )
    """Protocols that each seed is trained under; with both, their gap is shown."""


Cut = Annotated[str, AfterValidator(_known_cut)]
VocabularySize = Annotated[int, Field(ge=4, le=1_000_000)]


class LabelErrorsConfig(Settings):
    """How training labels that are likely wrong are looked for."""

    rows: int = Field(200, ge=1)
    """Most rows to write, the most doubtful ones."""
    folds: int = Field(5, ge=2, le=50)
    """Parts of the training reviews, each judged by models that have learned from the others."""
    judges: Literal["both", "naive_bayes"] = "both"
    """both: naive Bayes and the n-gram network, which is trained for each part. naive_bayes: it
    alone, in a quarter of the processor time; it finds a few less."""
    output: UserPath = Path("label_errors.csv")
    """CSV to write; one that is there is not written over."""
    fill: Literal["nothing", "suggested", "drop"] = "nothing"
    """What the column fix begins with: nothing, so that you fill it in, the suggested label or
    drop."""


class LabelNextConfig(Settings):
    """Which unlabelled texts are chosen to be labelled."""

    texts: UserPath
    """Unlabelled texts: a file of any form that is read for training, without labels."""
    rows: int = Field(100, ge=1)
    """Most rows to write, the one to label first before."""
    output: UserPath = Path("label_next.csv")
    """CSV to write; one that is there is not written over."""


class AblationConfig(Settings):
    """What is changed of the config, one at a time; the config itself is always one of them."""

    tokens: Annotated[tuple[Cut, ...], AfterValidator(_each_once)] = Field(
        ("last-200", "first-200", "64+136", "last-400"), min_length=1
    )
    """Tokens kept of a long review: last-N, first-N, or N+M for both ends."""
    words: Annotated[tuple[VocabularySize, ...], AfterValidator(_each_once)] = Field(
        (5_000, 10_000, 30_000), min_length=1
    )
    """Sizes of the vocabulary."""
    seeds: int = Field(1, ge=1, le=1000)
    """Seeds of each, from the config's seed on."""


def _without_password(url: str) -> str:
    if urlsplit(url).password is not None:
        raise ValueError(
            "storage: must not hold a password, which every report would show; put it into"
            " ~/.pgpass or the environment variable PGPASSWORD"
        )
    return url


StorageUrl = Annotated[
    str, Field(pattern=r"^(sqlite:///|postgresql://).+"), AfterValidator(_without_password)
]


class SweepConfig(Settings):
    """Trials that differ in the fields of a search space, judged on validation reviews alone."""

    study: str = Field("sweep", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Name of the study; one that exists is resumed."""
    storage: StorageUrl | None = None
    """Database of the study: sqlite:///FILE or postgresql://USER@HOST/DATABASE; by default
    study.db in artifacts/sweeps/STUDY."""
    space: UserPath | None = None
    """TOML file of the fields to vary; by default that of the architecture, in
    tasks/config/spaces."""
    trials: int = Field(20, ge=1, le=100_000)
    """Most trials of the study, earlier ones included."""
    minutes: float | None = Field(None, gt=0)
    """No trial begins after so many minutes, those of interrupted runs included."""
    objective: Objective = "val_loss"
    """Metric of the best epoch that the search improves."""
    sampler: Literal["tpe", "random"] = "tpe"
    """tpe: learns from earlier trials where to look. random: does not."""
    sampler_seed: int = Field(0, ge=0)
    """Seed of the values that are tried."""
    pruning: bool = True
    """End a trial after an epoch in which its best metric is worse than the median of earlier
    trials."""
    pruning_after: int = Field(5, ge=1)
    """Trials that must be complete before one is pruned."""


def require_honest(protocol: ProtocolConfig) -> None:
    """Raise an InvalidConfigError for a protocol that chooses on the test reviews."""
    if protocol.protocol != "honest":
        raise InvalidConfigError(
            f"protocol={protocol.protocol!r}: must be 'honest', since a sweep that chooses on the"
            " test reviews leaves none to judge by"
        )
