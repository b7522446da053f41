"""The steps: each hands files and config to one function of its package, nothing more.

A step takes what its function really uses, since that is what its cache key is made of. None needs
Prefect, which makes a task of each (`tasks.cache.runner`).
"""

import shutil
from pathlib import Path
from typing import Self

from tasks.cache.key import KEY_IN_USE
from tasks.cache.step_function import step
from tasks.common.artifact_store import UNKNOWN, ArtifactStore, Fact, StepOutput
from tasks.common.device import Device, use_device
from tasks.common.errors import PrunedTrialError
from tasks.common.records import Record
from tasks.config.training import (
    BaselineConfig,
    DataConfig,
    DecisionConfig,
    FitConfig,
    NetworkConfig,
    ProtocolConfig,
    SavingConfig,
    SourceConfig,
    TextConfig,
    TokenizerName,
)
from tasks.data.fetch import fetch_reviews
from tasks.data.sources.source_files import SliceColumns, SourceFiles, require_unchanged
from tasks.data.text.tokenization import Tokenization
from tasks.model.own.code import NetworkCode
from tasks.model.own.trust import trust_here
from tasks.model.own.vectors_file import VectorsFile
from tasks.training.plan import TrainingPlan


@step("fetch", "fetch {source.source}")
def fetch(store: ArtifactStore, source: SourceConfig) -> SourceFiles:
    """Find or download the raw files of the source and check their pinned hashes."""
    return fetch_reviews(source, store)


@step("load", "load {files.source}")
def load(
    store: ArtifactStore, files: SourceFiles, data: DataConfig, tokenization: Tokenization
) -> StepOutput:
    """Turn the raw reviews into token ids, a vocabulary and a data report.

    Return `train.parquet`, `test.parquet`, `vocabulary.json`, `data_report.json`.
    """
    from tasks.data.load import load_reviews

    with store.workspace() as folder:
        facts = load_reviews(files, data, folder, tokenization)
        for name, path in files.paths.items():
            require_unchanged(path, files.sha256[name])
        return store.keep("load", folder, facts)


def _described(output: StepOutput, *names: str) -> dict[str, str]:
    """Return where the reviews come from, by the facts with these names and their source."""
    return {name: str(output.facts[name]) for name in (*names, "source", "form")}


def _label_names(output: StepOutput) -> list[str]:
    """Return the names of the labels; none where nothing says them."""
    names = output.facts.get("label_names")
    return names if isinstance(names, list) else []


@step("pad", "pad to {text.maxlen} words, {text.num_words} known")
def pad(
    store: ArtifactStore, loaded: StepOutput, text: TextConfig, protocol: ProtocolConfig
) -> StepOutput:
    """Cut and pad the reviews to one length; set validation reviews apart."""
    from tasks.data.pad import pad_reviews

    train_file, test_file = store.file(loaded, "train.parquet"), store.file(loaded, "test.parquet")
    with store.workspace() as folder:
        names = _label_names(loaded)
        facts = pad_reviews(train_file, test_file, text, protocol, folder, names)
        facts |= {"protocol": protocol.protocol, "loaded": loaded.content_hash}
        return store.keep("pad", folder, facts | _described(loaded) | {"label_names": names})


@step("persist-parquet", "persist-parquet, {row_group_rows} rows a group")
def persist(store: ArtifactStore, padded: StepOutput, row_group_rows: int) -> StepOutput:
    """Write the padded reviews as typed, compressed Parquet with their provenance."""
    from tasks.data.persist import persist_parquet

    files = {name.removesuffix(".arrow"): store.file(padded, name) for name in padded.files}
    provenance = _described(padded, "protocol", "loaded")
    with store.workspace() as folder:
        rows = persist_parquet(files, provenance, row_group_rows, folder)
        facts: dict[str, Fact] = {f"{name}_rows": count for name, count in rows.items()}
        facts["label_names"] = _label_names(padded)
        return store.keep("persist-parquet", folder, {**facts, **provenance})


class LabelCount(Record):
    """How many labels the reviews have; `is_known` once they are loaded, else it is a guess."""

    count: int
    is_known: bool

    @classmethod
    def of(cls, loaded: StepOutput) -> Self:
        """Return that of loaded reviews, or of a plan that may know what they were."""
        return cls(count=len(_label_names(loaded)) or 2, is_known=loaded.content_hash != UNKNOWN)

    @property
    def content_hash(self) -> str:
        """The number itself."""
        return str(self.count) if self.is_known else UNKNOWN

    @property
    def likely(self) -> Self:
        """The guess, as if it were known."""
        return self.model_copy(update={"is_known": True})


@step("build", "build seed {seed}")
def build(
    store: ArtifactStore,
    num_words: int,
    maxlen: int,
    network: NetworkConfig,
    seed: int,
    device: Device,
    labels: LabelCount,
) -> StepOutput:
    """Build the network with its seeded first weights."""
    use_device(device)
    from tasks.model.build import build_model

    with store.workspace() as folder:
        facts = build_model(num_words, maxlen, network, seed, folder, labels.count)
        content = {"initial_model.keras": str(facts["model_hash"])}
        return store.keep("build", folder, facts, content)


@step("build", "build {code.called} seed {seed}")
def build_own(
    store: ArtifactStore,
    loaded: StepOutput,
    num_words: int,
    maxlen: int,
    code: NetworkCode,
    seed: int,
    device: Device,
    vectors: VectorsFile | None,
) -> StepOutput:
    """Build the user's network, and check that it holds what trainings and runs rely on."""
    use_device(device)
    from tasks.model.build import KnownReviews, build_users_model

    trust_here(store.root, code)
    reviews = KnownReviews(
        train=store.file(loaded, "train.parquet"),
        vocabulary=store.file(loaded, "vocabulary.json"),
        num_words=num_words,
        maxlen=maxlen,
        classes=LabelCount.of(loaded).count,
    )
    with store.workspace() as folder:
        facts = build_users_model(code, reviews, seed, folder, vectors)
        content = {"initial_model.keras": str(facts["model_hash"])}
        return store.keep("build", folder, facts, content)


def _training_folder(store: ArtifactStore, key: str | None) -> Path | None:
    return store.training / key.partition("/")[2] if key else None


def judging_reviews(store: ArtifactStore, persisted: StepOutput) -> Path:
    """Return the file of the reviews by which the protocol of a run chooses the epoch."""
    is_tutorial = persisted.facts["protocol"] == "tutorial"
    return store.file(persisted, f"{'test' if is_tutorial else 'validation'}.parquet")


def forget_training(store: ArtifactStore, key: str | None) -> None:
    """Remove the state that the `train` step with this key saved; nobody will resume it."""
    if folder := _training_folder(store, key):
        shutil.rmtree(folder, ignore_errors=True)


@step("train", "train seed {fit.seed}, at most {fit.epochs} epochs")
def train(
    store: ArtifactStore,
    built: StepOutput,
    persisted: StepOutput,
    network: NetworkConfig | NetworkCode,
    fit: FitConfig,
    saving: SavingConfig,
    device: Device,
) -> StepOutput:
    """Fit the network; keep the weights of the epoch with the lowest validation loss."""
    use_device(device)
    from tasks.training.train import train_with_forms

    key = KEY_IN_USE.get()
    with store.workspace() as folder:
        plan = TrainingPlan(
            initial_model=store.file(built, "initial_model.keras"),
            train=store.file(persisted, "train.parquet"),
            validation=judging_reviews(store, persisted),
            validates_apart=persisted.facts["protocol"] != "tutorial",
            network=None if isinstance(network, NetworkCode) else network,
            fit=fit,
            folder=folder,
            device=device,
            state=_training_folder(store, key),
            save_every_steps=saving.save_every_steps,
        )
        try:
            facts = train_with_forms(plan)
        except PrunedTrialError:
            forget_training(store, key)
            raise
        content = {"best_model.keras": str(facts["best_model_hash"])}
        return store.keep("train", folder, facts, content)


@step("evaluate", "evaluate, {persisted.facts[protocol]} protocol")
def evaluate(
    store: ArtifactStore,
    trained: StepOutput,
    persisted: StepOutput,
    batch_size: int,
    decision: DecisionConfig,
    device: Device,
) -> StepOutput:
    """Score the best model once on the test reviews."""
    from tasks.evaluation.evaluate import Calibrated, evaluate_model

    model, test = store.file(trained, "best_model.keras"), store.file(persisted, "test.parquet")
    record, judging = store.file(trained, "calibration.json"), judging_reviews(store, persisted)
    described, names = _described(persisted, "protocol"), _label_names(persisted)
    is_apart = described["protocol"] != "tutorial"
    calibrated = Calibrated(record, judging, is_apart, decision.costs)
    with store.workspace() as folder:
        facts = evaluate_model(
            model, test, batch_size, described, folder, names, device, calibrated
        )
        return store.keep("evaluate", folder, facts)


@step("baseline", "baseline, {protocol.protocol} protocol")
def baseline(
    store: ArtifactStore,
    loaded: StepOutput,
    protocol: ProtocolConfig,
    tokenizer: TokenizerName,
    baselines: BaselineConfig,
) -> StepOutput:
    """Train two linear models on the same reviews, and score them on the test reviews."""
    return _baseline("baseline", store, loaded, protocol, tokenizer, baselines)


@step("baseline-seen", "baseline on what the network sees, {persisted.facts[protocol]} protocol")
def baseline_seen(
    store: ArtifactStore,
    persisted: StepOutput,
    tokenizer: TokenizerName,
    baselines: BaselineConfig,
) -> StepOutput:
    """Train the linear models on what the network sees: reviews cut, and its words alone."""
    return _baseline("baseline-seen", store, persisted, None, tokenizer, baselines, "protocol")


def _baseline(
    name: str,
    store: ArtifactStore,
    reviews: StepOutput,
    protocol: ProtocolConfig | None,
    tokenizer: TokenizerName,
    baselines: BaselineConfig,
    *facts: str,
) -> StepOutput:
    from tasks.evaluation.baselines import train_baseline

    files = store.file(reviews, "train.parquet"), store.file(reviews, "test.parquet")
    described, names = _described(reviews, *facts), _label_names(reviews)
    words = store.file(reviews, "vocabulary.json") if protocol else None
    with store.workspace() as folder:
        most = baselines.baseline_reviews
        scores = train_baseline(*files, protocol, described, folder, names, tokenizer, words, most)
        return store.keep(name, folder, scores)


@step("plot", "plot {caption}")
def plot(store: ArtifactStore, trained: StepOutput, caption: str) -> StepOutput:
    """Draw loss and accuracy by epoch, as PNG and SVG."""
    from tasks.reports.plot import plot_history

    with store.workspace() as folder:
        plot_history(store.file(trained, "history.json"), caption, folder)
        return store.keep("plot", folder)


@step("analyse", "analyse {evaluated.facts[test_reviews]} test reviews")
def analyse(
    store: ArtifactStore,
    loaded: StepOutput,
    trained: StepOutput,
    evaluated: StepOutput,
    baseline: StepOutput,
    text: TextConfig,
    slices: SliceColumns | None = None,
) -> StepOutput:
    """Find where the network is right and wrong, and draw the charts of the report."""
    from tasks.reports.analyse import analyse_run

    origins = {
        "vocabulary.json": loaded,
        "test.parquet": loaded,
        "best_model.keras": trained,
        "history.json": trained,
        "metrics.json": evaluated,
        "predictions.parquet": evaluated,
        "baseline_predictions.parquet": baseline,
        "bayes_baseline_predictions.parquet": baseline,
    }
    files = {name: store.file(output, name) for name, output in origins.items()}
    with store.workspace() as folder:
        analyse_run(files, text, folder, _label_names(loaded), slices)
        return store.keep("analyse", folder)
