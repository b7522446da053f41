"""The options that make up a config: a recipe, and all fields that change it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from cyclopts import Parameter
from pydantic import Field, model_validator

from flows.cli.help import DATA, EVALUATION, NETWORK, RECIPE, RUNNING, TRAINING
from flows.display.terminal import ARTIFACTS, ArtifactsOption, set_output
from tasks.common.device import select_accelerator
from tasks.common.errors import InvalidConfigError
from tasks.config.naming import Naming, read_naming
from tasks.config.recipes import (
    DEFAULT_RECIPE,
    Groups,
    changed_config,
    find_recipe,
    read_config_file,
)
from tasks.config.request import require_divisible
from tasks.config.training import (
    Architecture,
    BaselineConfig,
    ConvBilstmConfig,
    DataConfig,
    DecisionConfig,
    FitConfig,
    NgramBagConfig,
    OwnNetworkConfig,
    ProtocolConfig,
    SavingConfig,
    SourceConfig,
    TextConfig,
    TrainingConfig,
)
from tasks.data.sources.check_files import check_users_files
from tasks.data.text.tokenization import Tokenization
from tasks.model.own.code import check_network
from tasks.runs.find import find_run
from tasks.runs.read import read_config

_GROUPS = tuple(TrainingConfig.model_fields)


@Parameter(name="*")
@dataclass(frozen=True)
class TagOptions:
    """What is kept beside a run, and changes no result."""

    tag: Annotated[
        tuple[str, ...],
        Parameter(
            help="Tag of the run, by which runs are listed; may be repeated.",
            negative=(),
            group=RUNNING,
        ),
    ] = ()
    note: Annotated[str, Parameter(help="A sentence about the run.", group=RUNNING)] = ""

    def naming(self) -> Naming:
        """Return the checked naming; an InvalidConfigError says what is allowed."""
        return read_naming(tags=self.tag, note=self.note)


@Parameter(name="*")
@dataclass(frozen=True)
class NamingOptions(TagOptions):
    """What a run is called, and what is kept beside it."""

    name: Annotated[
        str,
        Parameter(
            help="Name of the run; by itself of file, recipe, protocol and seed.", group=RUNNING
        ),
    ] = ""

    def naming(self) -> Naming:
        """Return the checked naming; an InvalidConfigError says what is allowed."""
        return read_naming(name=self.name, tags=self.tag, note=self.note)


class SourceOptions(SourceConfig):
    """Where the reviews come from; what a config file says may complete it."""

    @model_validator(mode="after")
    def _files_and_source_agree(self) -> Self:
        return self


class _NetworkOptions(NgramBagConfig, ConvBilstmConfig, OwnNetworkConfig):
    """The sizes of all architectures; the config refuses those of another one."""

    architecture: Architecture = Field(  # type: ignore[assignment]  # any of them
        "conv_bilstm",
        description="conv_bilstm: the tutorial's Conv1D and bidirectional LSTMs. ngram_bag: a"
        " linear network on word n-grams, weighed by naive Bayes; quicker and more accurate. own:"
        " what --network names.",
    )


@Parameter(name="*")
@dataclass(frozen=True)
class DataOptions:
    """Which reviews are read, how, and where what comes of them is kept."""

    recipe: Annotated[
        str | None,
        Parameter(
            help="Named config that the other options change, tutorial by default; see train"
            " --list-recipes. Or a .toml file of your own.",
            group=RECIPE,
        ),
    ] = None
    config: Annotated[
        str | None,
        Parameter(
            help="A .toml or .json file of settings, or a run: its config again, with what the"
            " other options change.",
            group=RECIPE,
        ),
    ] = None
    source: Annotated[SourceOptions, Parameter(name="*", group=DATA)] = SourceOptions()
    data: Annotated[DataConfig, Parameter(name="*", group=DATA)] = DataConfig()
    text: Annotated[TextConfig, Parameter(name="*", group=DATA)] = TextConfig()
    protocol: Annotated[ProtocolConfig, Parameter(name="*", group=EVALUATION)] = ProtocolConfig()
    artifacts: Annotated[ArtifactsOption, Parameter(group=RUNNING)] = ARTIFACTS
    quiet: Annotated[
        bool,
        Parameter(help="Print warnings and the ending alone.", negative=(), group=RUNNING),
    ] = False
    verbose: Annotated[
        bool,
        Parameter(
            help="Print the lines of Prefect and TensorFlow too.", negative=(), group=RUNNING
        ),
    ] = False

    def training_config(self) -> TrainingConfig:
        """Return the checked config; the output is from now on as requested.

        Raises:
            InvalidConfigError: There is no such recipe, or a value is impossible.
            BadDataError: A file of the user cannot be used, or there is no such run.
            MissingExtraError: The library of the tokenizer is not installed.
        """
        return self._usable(self._asked())

    def _asked(self) -> TrainingConfig:
        """Return what recipe, file and options say together; the output is as requested."""
        set_output(quiet=self.quiet, verbose=self.verbose)
        base = self._base()
        groups = {name: getattr(self, name) for name in _GROUPS if hasattr(self, name)}
        if not base.get("source"):
            # Whole, since a command may have another default than the config.
            groups["source"] = type(self.source).model_validate(self.source.model_dump())
        return changed_config(base, groups)

    def _usable(self, config: TrainingConfig) -> TrainingConfig:
        """Return the config once what it says of reviews was looked at: files and tokenizer."""
        check_users_files(config.source)
        Tokenization.of(config.text)
        return config

    def _base(self) -> Groups:
        """Return what the options change."""
        if self.config is None:
            return find_recipe(self.recipe or DEFAULT_RECIPE).groups
        if self.recipe is not None:
            raise InvalidConfigError(
                "give --recipe or --config, not both; a config file may name its recipe"
            )
        if self.config.endswith((".toml", ".json")):
            return read_config_file(Path(self.config).expanduser())
        return read_config(find_run(self.artifacts.expanduser(), self.config)).model_dump()


@Parameter(name="*")
@dataclass(frozen=True)
class ConfigOptions(DataOptions):
    """What a training is made of, and on what it runs."""

    network: Annotated[_NetworkOptions, Parameter(name="*", group=NETWORK)] = _NetworkOptions()
    fit: Annotated[FitConfig, Parameter(name="*", group=TRAINING)] = FitConfig()
    baselines: Annotated[BaselineConfig, Parameter(name="*", group=EVALUATION)] = BaselineConfig()
    decision: Annotated[DecisionConfig, Parameter(name="*", group=EVALUATION)] = DecisionConfig()
    saving: Annotated[SavingConfig, Parameter(name="*", group=TRAINING)] = SavingConfig()
    accelerator: Annotated[
        str,
        Parameter(help="auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).", group=RUNNING),
    ] = "auto"

    def training_config(self) -> TrainingConfig:
        """Return the checked config, as above; an AcceleratorError says that there is no device."""
        config = self._asked()
        require_divisible(config.fit, select_accelerator(self.accelerator))
        usable = self._usable(config)
        check_network(usable.network)
        return usable
