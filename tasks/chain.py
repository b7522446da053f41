"""The chain of the steps, for whatever runs them: Prefect, or a plan that only looks them up."""

from typing import NamedTuple, ParamSpec, Protocol

from tasks import steps
from tasks.cache.step_function import StepFunction
from tasks.common.artifact_store import StepOutput
from tasks.common.device import Device
from tasks.config.training import NetworkConfig, OwnNetworkConfig, TrainingConfig
from tasks.data.sources.source_files import SliceColumns, SourceFiles, source_label
from tasks.data.text.tokenization import Tokenization
from tasks.model.own.code import NetworkCode, read_network_code
from tasks.model.own.trust import trust_code
from tasks.model.own.vectors_file import vectors_file

P = ParamSpec("P")


class Runner(Protocol):
    """Runs one step after the other."""

    def cached(
        self, step: StepFunction[P, StepOutput], *args: P.args, **kwargs: P.kwargs
    ) -> StepOutput:
        """Return what a step left."""


class Built(NamedTuple):
    """A network with its first weights, the reviews for it, and what the training knows of it."""

    persisted: StepOutput
    built: StepOutput
    network: NetworkConfig | NetworkCode


class Learned(NamedTuple):
    """What a training left, and the reviews that it and its evaluation read."""

    persisted: StepOutput
    trained: StepOutput


def load(run: Runner, files: SourceFiles, config: TrainingConfig) -> StepOutput:
    """Load, by the tokenizer of the config."""
    return run.cached(steps.load, files, config.data, Tokenization.of(config.text))


def prepare(run: Runner, loaded: StepOutput, config: TrainingConfig) -> StepOutput:
    """Pad → persist-parquet."""
    padded = run.cached(steps.pad, loaded, config.text, config.protocol)
    return run.cached(steps.persist, padded, config.data.row_group_rows)


def build(run: Runner, loaded: StepOutput, config: TrainingConfig, device: Device) -> Built:
    """Pad → persist-parquet → build."""
    text, fit, network = config.text, config.fit, config.network
    persisted = prepare(run, loaded, config)
    sizes = text.num_words, text.maxlen
    learned: NetworkConfig | NetworkCode = network
    if isinstance(network, OwnNetworkConfig):
        learned = read_network_code(network)
        trust_code(learned.sha256)  # the user named the file
        vectors = vectors_file(network)
        built = run.cached(steps.build_own, loaded, *sizes, learned, fit.seed, device, vectors)
    else:
        labels = steps.LabelCount.of(loaded)
        built = run.cached(steps.build, *sizes, network, fit.seed, device, labels)
    return Built(persisted, built, learned)


def learn(run: Runner, loaded: StepOutput, config: TrainingConfig, device: Device) -> Learned:
    """Pad → persist-parquet → build → train."""
    persisted, built, network = build(run, loaded, config, device)
    trained = run.cached(steps.train, built, persisted, network, config.fit, config.saving, device)
    return Learned(persisted, trained)


def learn_and_judge(
    run: Runner, loaded: StepOutput, config: TrainingConfig, files: SourceFiles, device: Device
) -> None:
    """Baseline, pad → persist-parquet → build → train → evaluate → plot, analyse.

    An InvalidConfigError says that there are too many labels for a cut.
    """
    config.decision.require_two(steps.LabelCount.of(loaded).count)
    tokenizer = config.text.tokenizer
    baseline = run.cached(steps.baseline, loaded, config.protocol, tokenizer, config.baselines)
    persisted, trained = learn(run, loaded, config, device)
    batch_size = config.fit.evaluation_batch_size
    evaluated = run.cached(steps.evaluate, trained, persisted, batch_size, config.decision, device)
    run.cached(steps.plot, trained, _caption(files, config))
    slices = SliceColumns.of(files, config.source)
    run.cached(steps.analyse, loaded, trained, evaluated, baseline, config.text, slices)


def _caption(files: SourceFiles, config: TrainingConfig) -> str:
    """Return what the charts say of a run: no name, since they come from the cache."""
    source = source_label(files.source, files.form)
    return f"{source}-{config.protocol.protocol}-seed{config.fit.seed}"
