"""A config as one flat table: each field under the name that it has on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    field_validator,
    model_validator,
)

from tasks.common.canonical_json import group_fields
from tasks.common.errors import InvalidConfigError
from tasks.common.records import AnyPath, Record, Settings
from tasks.common.remote_files import NO_CREDENTIALS, holds_credentials

Value = str | int | float | bool | None


class ChangedSetting(Record):
    """A field that a run sets to something else than the default."""

    name: str
    value: Value
    default: Value


Side = Literal["pre", "post"]

UserPath = Annotated[AnyPath, AfterValidator(lambda path: path.expanduser())]


TokenizerName = Literal["words", "subwords", "characters"]

RESERVED_IDS = 4
"""Ids that are no token: padding, start, unknown, and one that never occurs."""

_FEWEST_SUBWORDS = 100


class TextConfig(Settings):
    """How a review becomes a row of numbers."""

    tokenizer: TokenizerName = "words"
    """What a token is. words: as Keras splits them. subwords: frequent parts of words, num_words of
    them, learned on the training reviews; for Korean, Japanese, Chinese and words with many forms.
    characters: each one, spaces and punctuation too."""
    num_words: int = Field(10_000, ge=RESERVED_IDS, le=1_000_000)
    """Size of the vocabulary and of the Embedding, with 4 reserved ids (10000 keeps 9,996
    words; 5000 is the smaller usual choice)."""
    maxlen: int = Field(200, ge=1, le=100_000)
    """Tokens per review."""
    padding: Side = "pre"
    """Side on which short reviews are padded."""
    truncating: Literal["pre", "middle", "post"] = "pre"
    """Where long reviews are cut: pre keeps their end, post their beginning, middle both."""
    head: int = Field(64, ge=1)
    """Tokens kept from the beginning of a long review where truncating is 'middle'; the rest of
    maxlen is kept from its end. Not used otherwise."""

    @model_validator(mode="after")
    def _subwords_are_enough(self) -> Self:
        if self.tokenizer == "subwords" and self.num_words < _FEWEST_SUBWORDS:
            raise ValueError(
                f"num_words={self.num_words}: must be at least {_FEWEST_SUBWORDS} with tokenizer"
                " 'subwords'"
            )
        return self

    @property
    def kept_first(self) -> int:
        """How many of the tokens that a long review keeps are from its beginning."""
        return {"pre": 0, "middle": self.head, "post": self.maxlen}[self.truncating]


class ConvBilstmConfig(Settings):
    """The sizes of the tutorial's layers: embedding, convolution, pooling, two LSTMs."""

    architecture: Literal["conv_bilstm"] = "conv_bilstm"
    embedding_dim: int = Field(200, ge=1)
    """Width of a word's vector."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Rate of both Dropout layers."""
    filters: int = Field(64, ge=1)
    """Channels of the convolution."""
    kernel_size: int = Field(5, ge=1)
    """Width of the convolution in tokens."""
    pool_size: int = Field(4, ge=1)
    """Width and stride of the max pooling."""
    lstm_units: int = Field(64, ge=1)
    """Units of the first LSTM, per direction."""
    last_lstm_units: int = Field(32, ge=1)
    """Units of the second LSTM, per direction."""

    def require_room(self, text: TextConfig) -> None:
        """Refuse rows that do not fill one pooling window."""
        needed = self.kernel_size + self.pool_size - 1
        if text.maxlen < needed:
            raise ValueError(
                f"maxlen={text.maxlen}: must be at least {needed}, which"
                f" kernel_size={self.kernel_size} and pool_size={self.pool_size} need"
            )


class DataConfig(Settings):
    """How the reviews are read, held out and checked."""

    test_fraction: float = Field(0.2, gt=0, lt=1)
    """Share held out as test set where a source has none."""
    test_seed: int = Field(0, ge=0)
    """Seed of that hold-out."""
    deduplicate: bool = False
    """Drop training reviews that repeat another one or a test review."""
    max_overlap: float = Field(0.05, ge=0, le=1)
    """Largest share of test reviews that may occur in training."""
    empty_texts: Literal["drop", "refuse"] = "drop"
    """What becomes of reviews without a word; those dropped are counted."""
    missing_labels: Literal["drop", "refuse"] = "drop"
    """What becomes of rows without a label; those dropped are counted."""
    row_group_rows: int = Field(2048, ge=1)
    """Reviews per Parquet row group, the unit of streaming."""


StepCode = Literal["keras", "fast"]

TrainingStep = Literal["auto", StepCode]
Optimizer = Literal["adam", "adamw", "sgd", "rmsprop", "lion"]

HAS_MOMENTUM: tuple[Optimizer, ...] = ("sgd", "rmsprop")


class FitConfig(Settings):
    """How the weights are learned."""

    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of weights, dropout and shuffling."""
    epochs: int = Field(20, ge=1)
    """Most epochs; early stopping may need fewer."""
    batch_size: int = Field(64, ge=1)
    """Reviews per training step."""
    optimizer: Optimizer = "adam"
    """What moves the weights along their gradients."""
    learning_rate: float = Field(0.001, gt=0, le=10)
    """Learning rate of the optimizer, the first or highest one of its schedule."""
    schedule: Literal["plateau", "cosine", "constant"] = "plateau"
    """plateau: the rate falls by reduce_factor where validation stands still. cosine: it falls to 0
    in the last epoch."""
    warmup_epochs: int = Field(0, ge=0)
    """First epochs, during which the rate rises step by step."""
    momentum: float = Field(0.0, ge=0, lt=1)
    """Share of the last movement that is kept, of sgd and rmsprop."""
    weight_decay: float | None = Field(None, gt=0, lt=1)
    """Share of each weight, times the rate, that a step takes away; by default 0.004 with adamw,
    else none."""
    clip_norm: float | None = Field(None, gt=0)
    """Largest norm of all gradients of a step together; larger ones are scaled down to it."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of each label that counts as any label, in the losses of training and validation."""
    stop_patience: int = Field(4, ge=0)
    """Epochs without a better validation loss before stopping."""
    reduce_patience: int = Field(2, ge=0)
    """Epochs without a better validation loss before a smaller rate."""
    reduce_factor: float = Field(0.2, gt=0, lt=1)
    """Factor of the smaller rate."""
    class_weights: Literal["equal", "balanced"] = "equal"
    """balanced: reviews of a rarer label count for more, so that all labels weigh the same in the
    training loss."""
    shuffle_buffer: int = Field(25_000, ge=1)
    """Most training reviews in memory. More than these are shuffled by row groups, and within
    as many of them as fit."""
    deterministic: bool = False
    """Use only operations that repeat bit for bit on a GPU; slower there."""
    training_step: TrainingStep = "auto"
    """How a step is computed. keras: by Keras's layers. fast: the same network by quicker code
    for a CPU; of n-grams with the same bits, of the tutorial's with other rounding, other dropout
    masks, and an Adam that squares a word's whole gradient. auto: fast on a CPU for both, else
    keras."""
    calibration: Literal["temperature", "none"] = "temperature"
    """temperature: one number, fitted on the validation reviews, divides the logits of the trained
    network so that its probabilities come true. none: they are left as they are."""
    evaluation_batch_size: int = Field(256, ge=1)
    """Reviews per step of validation and test; changes speed only."""

    @model_validator(mode="after")
    def _settings_go_together(self) -> Self:
        if self.momentum and self.optimizer not in HAS_MOMENTUM:
            have = " and ".join(HAS_MOMENTUM)
            raise ValueError(
                f"momentum={self.momentum}: {have} have one, {self.optimizer} has none"
            )
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs}: must be less than epochs={self.epochs}"
            )
        return self


class NgramBagConfig(Settings):
    """Which n-grams of words the linear network has, and how it weighs them."""

    architecture: Literal["ngram_bag"] = "ngram_bag"
    ngram_words: int = Field(3, ge=1, le=8)
    """Words of the longest n-gram."""
    ngram_buckets: int = Field(2**21, ge=2, le=2**28)
    """Size of the table of n-grams; each bucket holds its most frequent one."""
    ngram_least_reviews: int = Field(2, ge=1)
    """Fewest training reviews that a known n-gram occurs in."""
    ngram_tail: int = Field(0, ge=0)
    """Tokens at the end of a review whose n-grams have a second weight; 0: none."""
    ngram_smoothing: float = Field(10.0, gt=0)
    """Reviews of each label added to those counted for an n-gram's ratio; more trust rare
    n-grams less."""

    def require_room(self, text: TextConfig) -> None:
        """Refuse rows that are shorter than an n-gram, or that do not end with a whole tail."""
        if text.maxlen < self.ngram_words:
            raise ValueError(
                f"maxlen={text.maxlen}: must be at least {self.ngram_words}, which"
                " ngram_words needs"
            )
        if self.ngram_tail == 0:
            return
        both_ends = text.truncating == "middle"
        most = text.maxlen - text.head if both_ends else text.maxlen
        if not self.ngram_words <= self.ngram_tail <= most:
            raise ValueError(
                f"ngram_tail={self.ngram_tail}: must be 0, or from {self.ngram_words}"
                f" (ngram_words) to {most} ({'maxlen less head' if both_ends else 'maxlen'})"
            )
        if text.padding != "pre":
            raise ValueError(
                f"padding={text.padding!r}: must be 'pre' with ngram_tail, so that reviews end"
                " where the rows end"
            )


class OwnNetworkConfig(Settings):
    """A function of the user's that returns the network, and its options."""

    architecture: Literal["own"] = "own"
    network: str = ""
    """Your own network: FILE.py:FUNCTION, a function that returns a Keras model."""
    network_option: str | None = Field(None, min_length=1)
    """Options of that function, as units=64,rate=0.1; checked by its type hints."""

    embeddings: UserPath | None = None
    """Vectors of words for that function: a text file of GloVe, word2vec or fastText, also .gz."""

    @field_validator("network")
    @classmethod
    def _names_a_function(cls, given: str) -> str:
        file, _, function = given.rpartition(":")
        if given and not (file.endswith(".py") and function.isidentifier()):
            raise ValueError(f"network={given!r}: must be FILE.py:FUNCTION, as my_net.py:build")
        return given

    def require_room(self, text: TextConfig) -> None:  # noqa: ARG002 - a network of the user's
        """Refuse a network that is not named."""
        if not self.network:
            raise ValueError("architecture='own': needs network, as my_net.py:build")

    def absolute(self) -> Self:
        """Return the network by the whole path of its file."""
        file, function = self.place
        vectors = self.embeddings.absolute() if self.embeddings else None
        changes = {"network": f"{file.absolute()}:{function}", "embeddings": vectors}
        return self.model_copy(update=changes)

    def without_folders(self) -> Self:
        """Return the network by the names of its files alone, as others may know them."""
        file, function = self.place
        vectors = Path(self.embeddings.name) if self.embeddings else None
        changes = {"network": f"{file.name}:{function}", "embeddings": vectors}
        return self.model_copy(update=changes)

    @property
    def place(self) -> tuple[Path, str]:
        """The file and the name of the function."""
        file, _, function = self.network.rpartition(":")
        return Path(file).expanduser(), function


class _AsAnyOf:
    """Has a schema say `anyOf`, the only choice that both of Prefect's run forms show."""

    @staticmethod
    def __get_pydantic_json_schema__(
        core: Any,  # noqa: ANN401 - a schema of pydantic-core
        handler: GetJsonSchemaHandler,
    ) -> dict[str, Any]:
        schema = handler(core)
        return {"anyOf": schema["oneOf"]}


def _with_own_sizes(given: object) -> object:
    """Name the default architecture where none is named, and refuse the sizes of another one."""
    if not isinstance(given, Mapping):
        return given
    named: dict[str, Any] = {"architecture": "conv_bilstm", **with_architecture(given)}
    own = named["architecture"]
    if own not in NETWORKS:
        raise ValueError(f"architecture={own!r}: must be {' or '.join(map(repr, NETWORKS))}")
    for other, network in NETWORKS.items():
        for size in named.keys() & network.model_fields.keys() - NETWORKS[own].model_fields.keys():
            raise ValueError(
                f"{size}={named[size]!r}: is a size of architecture {other!r}, not of {own!r}"
            )
    return named


def with_architecture(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a network; one of the user's own says its architecture."""
    return ({"architecture": "own"} if network.get("network") else {}) | dict(network)


NetworkConfig = Annotated[
    ConvBilstmConfig | NgramBagConfig | OwnNetworkConfig,
    Field(discriminator="architecture"),
    BeforeValidator(_with_own_sizes),
    _AsAnyOf,
]
"""The architecture, and the sizes of its layers."""

Protocol = Literal["honest", "tutorial"]


class ProtocolConfig(Settings):
    """Which reviews choose the model and which judge it."""

    protocol: Protocol = "honest"
    """honest: a validation split of the training set chooses, the test set judges once.
    tutorial: the test set does both, as the source tutorial does."""
    validation_fraction: float = Field(0.2, gt=0, lt=1)
    """Share of each class that the honest protocol validates on."""
    split_seed: int = Field(0, ge=0)
    """Seed of the validation split."""


class BaselineConfig(Settings):
    """From how much the linear baselines learn."""

    baseline_reviews: int = Field(50_000, ge=100)
    """Most training reviews that the linear baselines learn from, in memory; of more they learn
    from a sample, and their scores say so."""


class Costs(NamedTuple):
    """What a wrong answer costs: label 1 said of a 0 (fp), and 0 said of a 1 (fn)."""

    fp: float
    fn: float


_COSTS = re.compile(r"fp=(\d+(?:\.\d+)?),fn=(\d+(?:\.\d+)?)|fn=(\d+(?:\.\d+)?),fp=(\d+(?:\.\d+)?)")


class DecisionConfig(Settings):
    """How an answer is made of the probabilities of two labels."""

    cost: str | None = None
    """What mistakes cost, as fp=5,fn=1: the cut of the least cost on the validation reviews says
    which of two labels is the answer; else it is 0.5."""

    @field_validator("cost")
    @classmethod
    def _is_costs(cls, given: str | None) -> str | None:
        found = None if given is None else _COSTS.fullmatch(given.replace(" ", ""))
        if given is not None and (not found or not all(map(float, filter(None, found.groups())))):
            raise ValueError(f"cost={given!r}: must be two numbers above 0, as fp=5,fn=1")
        return given

    @property
    def costs(self) -> Costs | None:
        """The two numbers, None where there are none."""
        if self.cost is None:
            return None
        pairs = (one.split("=") for one in self.cost.replace(" ", "").split(","))
        return Costs(**{name: float(value) for name, value in pairs})

    def require_two(self, labels: int) -> None:
        """Raise an InvalidConfigError where there are more labels than a cut tells apart."""
        if self.cost is not None and labels > 2:  # noqa: PLR2004 - a cut tells two apart
            raise InvalidConfigError(
                f"cost={self.cost!r}: a cut tells two labels apart, and these reviews have"
                f" {labels}; leave it out, or use --drop-labels or --merge-labels"
            )


class SavingConfig(Settings):
    """How often an unfinished training is saved; changes no result and no cache key."""

    save_every_steps: int | None = Field(None, ge=1)
    """Save the training after every so many steps too, not only after each epoch."""


_OF_FILES = (
    *("group_column", "time_column", "as_of", "slice_columns", "encoding", "delimiter"),
    *("positive_label", "labels", "drop_labels", "merge_labels"),
)
"""Settings that say something of the user's files alone."""

RemoteFile = Annotated[str, Field(pattern=r"^(s3|gs)://[^/]+/.+")]
Source = Literal["auto", "imdb", "packaged", "files"]


class SourceConfig(Settings):
    """Where the reviews come from."""

    source: Source = "imdb"
    """imdb: the official 25,000 + 25,000 reviews. packaged: the 25,000 that the installation
    carries, offline. files: your own. auto: imdb if it is available, else packaged with a
    warning."""
    imdb_form: Literal["any", "keras", "packages"] = "any"
    """keras: Keras's imdb.npz. packages: the official split rebuilt from two pinned packages.
    any: a local imdb.npz, its download, then packages."""
    imdb_npz: UserPath | None = None
    """Path of an imdb.npz that you have already."""
    train_file: RemoteFile | UserPath | None = None
    """Your training reviews: .csv, .tsv, .txt, .jsonl, .ndjson, .json or .parquet, all but the last
    also with .gz, .bz2 or .zst; s3:// and gs:// too."""
    test_file: RemoteFile | UserPath | None = None
    """Your test reviews; without it a part of the training file is held out."""
    text_column: str = Field("text", min_length=1)
    """Column of the review texts."""
    label_column: str = Field("label", min_length=1)
    """Column of the labels, two or more."""
    group_column: str | None = Field(None, min_length=1)
    """Column that says which reviews belong together, as those of one author: a group is never
    split between training, validation and test."""
    time_column: str | None = Field(None, min_length=1)
    """Column that says when a row was written, as an ISO 8601 date or time; see as_of."""
    as_of: date | None = None
    """Read the rows up to the end of this day (UTC) alone, as if the later ones were not there yet;
    so that what was decided on earlier days can be replayed."""
    encoding: str | None = None
    """Encoding of your files, where it is not UTF-8 or marked UTF-16."""
    delimiter: str | None = Field(None, min_length=1)
    """Delimiter of your .csv and .txt files: comma, tab, semicolon, pipe or a character; found by
    itself where it is left out."""
    positive_label: str | None = Field(None, min_length=1)
    """The label of two that counts as the positive one; else the second one in the order of numbers
    or of text."""
    labels: str | None = Field(None, min_length=1)
    """All labels in the order to show them in, as bad,mixed,good; else in that of numbers or of
    text."""
    drop_labels: str | None = Field(None, min_length=1)
    """Labels whose rows are left out, as unclear,other."""
    merge_labels: str | None = Field(None, min_length=1)
    """Labels that become others, as 1=bad,2=bad,5=good."""
    slice_columns: str | None = Field(None, min_length=1)
    """Columns by which the test reviews are sliced, as source,year: the report says where the
    model is worse than elsewhere."""
    label_fixes: UserPath | None = None
    """Table of training rows whose label is corrected or that are dropped, as label-errors writes
    it: columns row, label and fix."""

    @model_validator(mode="before")
    @classmethod
    def _a_file_says_its_source(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a user gives
        for name in ("train_file", "test_file"):
            if isinstance(given, dict) and holds_credentials(given.get(name)):
                raise ValueError(f"{name}: {NO_CREDENTIALS}")
        if isinstance(given, dict) and given.get("train_file") is not None:
            return {"source": "files"} | given
        return given

    @model_validator(mode="after")
    def _files_and_source_agree(self) -> Self:
        if self.source == "files" and self.train_file is None:
            raise ValueError("source='files': needs --train-file")
        own_columns = (self.text_column, self.label_column) != ("text", "label")
        of_files = {
            "train_file and test_file need": self.train_file or self.test_file,
            "text_column and label_column need": own_columns,
            **{f"{name} needs": getattr(self, name) for name in _OF_FILES},
        }
        for what, given in of_files.items():
            if given and self.source != "files":
                raise ValueError(f"source={self.source!r}: {what} source 'files'")
        if self.positive_label and self.labels:
            raise ValueError(f"positive_label={self.positive_label!r}: not with labels")
        if (self.as_of is None) != (self.time_column is None):
            raise ValueError("as_of and time_column need each other")
        if self.imdb_npz is not None and self.source not in ("imdb", "auto"):
            raise ValueError(f"source={self.source!r}: imdb_npz needs source 'imdb' or 'auto'")
        if self.imdb_npz is not None and self.imdb_form == "packages":
            raise ValueError("imdb_form='packages': imdb_npz needs imdb_form 'any' or 'keras'")
        return self

    def absolute(self) -> Self:
        """Return the source with the whole paths of its local files."""
        paths = {
            name: path.absolute()
            for name in ("imdb_npz", "train_file", "test_file", "label_fixes")
            if isinstance(path := getattr(self, name), Path)
        }
        return self.model_copy(update=paths)


class TrainingConfig(Settings):
    """All of a run's numbers, in the groups in which a user sets them."""

    source: SourceConfig = SourceConfig()
    data: DataConfig = DataConfig()
    text: TextConfig = TextConfig()
    protocol: ProtocolConfig = ProtocolConfig()
    network: NetworkConfig = ConvBilstmConfig()
    fit: FitConfig = FitConfig()
    baselines: BaselineConfig = BaselineConfig()
    decision: DecisionConfig = DecisionConfig()
    saving: SavingConfig = SavingConfig()

    @model_validator(mode="after")
    def _groups_go_together(self) -> Self:
        text, network = self.text, self.network
        if self.decision.cost is not None and self.protocol.protocol == "tutorial":
            raise ValueError(
                f"cost={self.decision.cost!r}: needs protocol 'honest', since the test reviews may"
                " not choose the cut"
            )
        # Not in the group itself, since a recipe may have another length than the default.
        if text.truncating == "middle" and text.head >= text.maxlen:
            raise ValueError(
                f"head={text.head}: must be less than {text.maxlen} (maxlen) with"
                " truncating 'middle', so that both ends are kept"
            )
        vectors = getattr(network, "embeddings", None)
        if vectors is not None and text.tokenizer != "words":
            raise ValueError(
                f"embeddings={str(vectors)!r}: are vectors of words; needs tokenizer 'words'"
            )
        network.require_room(text)
        if self.fit.training_step == "fast" and network.architecture == "own":
            raise ValueError(
                "training_step='fast': must be 'auto' or 'keras' for a network of your own"
            )
        return self

    def absolute(self) -> Self:
        """Return the config with the whole paths of its files: a run may begin elsewhere."""
        placed: dict[str, Any] = {"source": self.source.absolute()}
        if isinstance(self.network, OwnNetworkConfig):
            placed["network"] = self.network.absolute()
        return self.model_copy(update=placed)


def flat_config(config: TrainingConfig) -> dict[str, Value]:
    """Return the fields of all groups by their names, of which no two are equal."""
    return group_fields(config.model_dump(mode="json"))


def default_groups(config: TrainingConfig) -> dict[str, dict[str, Value]]:
    """Return the default of each field of `config`, in its groups."""
    default: dict[str, dict[str, Value]] = TrainingConfig().model_dump(mode="json")
    own_sizes = type(config.network)().model_dump(mode="json")
    architecture = {"architecture": default["network"]["architecture"]}
    return default | {"network": own_sizes | architecture}


def changed_settings(config: TrainingConfig) -> list[ChangedSetting]:
    """Return the fields of `config` that are not at their defaults."""
    defaults = group_fields(default_groups(config))
    return [
        ChangedSetting(name=name, value=value, default=defaults[name])
        for name, value in flat_config(config).items()
        if value != defaults[name]
    ]


Architecture = Literal["conv_bilstm", "ngram_bag", "own"]

Step = Literal[
    "load", "baseline", "pad", "persist-parquet", "build", "train", "evaluate", "plot", "analyse"
]
"""The steps whose results are kept in the cache, and whose files a run has."""

CachedStep = Literal["all", Step]


NETWORKS: dict[Architecture, type[ConvBilstmConfig | NgramBagConfig | OwnNetworkConfig]] = {
    "conv_bilstm": ConvBilstmConfig,
    "ngram_bag": NgramBagConfig,
    "own": OwnNetworkConfig,
}


def describe_invalid(error: ValidationError, known: Mapping[str, str] | None = None) -> str:
    """Return one line per fault: the field, its value and what is allowed.

    For a field that there is not, the nearest of the `known` ones is named, by what it stands for.
    """
    faults = error.errors(include_url=False)
    return "\n".join(_describe_fault(dict(fault), known or {}) for fault in faults)


def _describe_fault(fault: dict[str, Any], known: Mapping[str, str]) -> str:
    field = ".".join(str(part) for part in fault["loc"] if part not in NETWORKS)
    message = str(fault["msg"]).removeprefix("Value error, ")
    if not field or fault["type"] == "value_error":
        return message
    if fault["type"] == "missing":
        return f"{field}: is missing"
    if fault["type"] == "extra_forbidden":
        value = "" if isinstance(fault["input"], dict) else f"={fault['input']!r}"
        return no_such_field(f"{field}{value}", field.rpartition(".")[2], known)
    message = message.removeprefix("Input ").replace("should be", "must be", 1)
    return f"{field}={fault['input']!r}: {message}"


def no_such_field(given: str, field: str, known: Mapping[str, str]) -> str:
    """Return that a field is none of the `known` ones, and what the nearest of them stands for."""
    nearest = get_close_matches(field, known, 1)
    hint = f"; the nearest is {known[nearest[0]]}" if nearest else ""
    return f"{given}: there is no such field{hint}"


def validated_config(**groups: BaseModel | dict[str, Any]) -> TrainingConfig:
    """Return the config made of `groups`; an InvalidConfigError names what is impossible."""
    try:
        return TrainingConfig.model_validate(groups)
    except ValidationError as error:
        raise InvalidConfigError(describe_invalid(error, known_fields())) from None


def known_fields() -> dict[str, str]:
    """Return what a config file may name, and where each belongs: `epochs` is `fit.epochs`."""
    networks = [network().model_dump() for network in NETWORKS.values()]
    groups = [*TrainingConfig().model_dump().items(), *(("network", one) for one in networks)]
    fields = {field: f"{group}.{field}" for group, values in groups for field in values}
    return {group: group for group in TrainingConfig.model_fields} | fields


def with_seed(config: TrainingConfig, seed: int) -> TrainingConfig:
    """Return the config with another seed."""
    return config.model_copy(update={"fit": config.fit.model_copy(update={"seed": seed})})


def require_pinned(source: SourceConfig) -> None:
    """Raise an InvalidConfigError for a source that may be other data in each run."""
    if source.source == "auto":
        raise InvalidConfigError(
            "source='auto': must be 'imdb', 'packaged' or 'files' where runs are repeated, since"
            " 'auto' may take other reviews the next time"
        )


def comma_list(text: str | None) -> list[str]:
    """Return the parts of a setting that is a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


_NAME_IN_LIST = re.compile(r'\s*"([^"]*[,=][^"]*)"\s*(?=[,=]|$)|([^,=]*)')


def names_list(text: str | None) -> list[list[str]]:
    """Return the parts of a list with commas of a user's names, each split at its signs =.

    A name that has one of these signs itself stands in double quotes; others keep theirs.
    """
    parts: list[list[str]] = [[]]
    place, text = 0, text or ""
    while found := _NAME_IN_LIST.match(text, place):
        parts[-1].append(found[1] or found[2])
        place = found.end() + 1
        if text[found.end() : place] == ",":
            parts.append([])
        elif place > len(text):
            break
    return [part for part in parts if any(name.strip() for name in part)]


def plain_names(text: str | None) -> list[str]:
    """Return the names of such a list in which no sign = has a meaning."""
    return ["=".join(part).strip() for part in names_list(text)]


def listed_name(name: str) -> str:
    """Return a name as it stands in such a list."""
    return f'"{name}"' if {",", "="} & set(name) else name


def value_text(value: Value) -> str:
    """Return a setting's value for people."""
    return "not set" if value is None else str(value)
