import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import steps
from tasks.cache import key as module
from tasks.cache import source_fingerprint as source_fingerprint_module
from tasks.cache.key import cache_key, key_parts, source_was_edited
from tasks.common.artifact_store import ArtifactStore, StepOutput, StoredFile
from tasks.common.canonical_json import json_sha256
from tasks.common.device import Device
from tasks.config.training import NETWORKS, Step, TrainingConfig
from tasks.data.sources.source_files import SourceFiles
from tests.support.commands import imported_by

STORE = ArtifactStore(Path("artifacts"))

CPU = Device(kind="cpu", reason="requested")


def output(step: str, key: str) -> StepOutput:
    """Stand for what a step makes: content that depends on its key alone."""
    file = StoredFile(name="f", sha256=json_sha256(key), size=1, content=json_sha256(key))
    return StepOutput(step=step, files={"f": file}, facts={"protocol": "honest"})


def all_keys(
    config: TrainingConfig, raw: str = "raw", device: Device = CPU, store: ArtifactStore = STORE
) -> dict[str, str]:
    """Return the key of each step of a run, wired as the flow wires them."""
    keys: dict[str, str] = {}

    def run(task: Any, **arguments: Any) -> StepOutput:
        keys[task.name] = cache_key(key_parts(task.name, task.fn, arguments | {"store": store}))
        return output(task.name, keys[task.name])

    files = SourceFiles(
        source="imdb", form="keras", paths={"a": Path("x")}, sha256={"a": raw}, reason="r"
    )
    text, fit = config.text, config.fit
    loaded = run(steps.load, files=files, data=config.data)
    padded = run(steps.pad, loaded=loaded, text=text, protocol=config.protocol)
    persisted = run(steps.persist, padded=padded, row_group_rows=config.data.row_group_rows)
    built = run(
        steps.build,
        num_words=text.num_words,
        maxlen=text.maxlen,
        network=config.network,
        seed=fit.seed,
        device=device,
    )
    trained = run(
        steps.train,
        built=built,
        persisted=persisted,
        network=config.network,
        fit=fit,
        saving=config.saving,
        device=device,
    )
    evaluated = run(
        steps.evaluate,
        trained=trained,
        persisted=persisted,
        batch_size=fit.evaluation_batch_size,
        device=device,
    )
    baseline = run(steps.baseline, loaded=loaded, protocol=config.protocol)
    run(steps.plot, trained=trained, caption="c")
    run(
        steps.analyse,
        loaded=loaded,
        trained=trained,
        evaluated=evaluated,
        baseline=baseline,
        text=text,
    )
    return keys


def missed(changed: dict[str, str], first: dict[str, str] | None = None) -> set[str]:
    first = first or all_keys(TrainingConfig())
    return {step for step in first if first[step] != changed[step]}


AFTER_TRAIN = {"train", "evaluate", "plot", "analyse"}

AFTER_PAD = {"pad", "persist-parquet"} | AFTER_TRAIN

AFTER_LOAD = {"load", "baseline"} | AFTER_PAD

SCORING = {"evaluate", "baseline", "analyse"}

EXPECTED = {
    "data": AFTER_LOAD,
    "text": AFTER_PAD,
    "text.num_words": AFTER_PAD | {"build"},
    "text.maxlen": AFTER_PAD | {"build"},
    "protocol": AFTER_PAD | {"baseline"},
    "network": {"build"} | AFTER_TRAIN,
    "fit": AFTER_TRAIN,
    "fit.seed": {"build"} | AFTER_TRAIN,
}

CHANGES = {
    "data.test_fraction": st.floats(0.3, 0.9),
    "data.test_seed": st.integers(1, 99),
    "data.deduplicate": st.just(value=True),
    "data.max_overlap": st.floats(0.1, 0.9),
    "data.empty_texts": st.just("refuse"),
    "data.missing_labels": st.just("refuse"),
    "data.row_group_rows": st.integers(1, 2000),
    "text.num_words": st.integers(4, 9_999),
    "text.maxlen": st.integers(8, 199),
    "text.padding": st.just("post"),
    "text.truncating": st.sampled_from(["post", "middle"]),
    "text.head": st.integers(1, 63),
    "protocol.protocol": st.just("tutorial"),
    "protocol.validation_fraction": st.floats(0.3, 0.9),
    "protocol.split_seed": st.integers(1, 99),
    "network.embedding_dim": st.integers(1, 199),
    "network.dropout": st.floats(0, 0.4),
    "network.filters": st.integers(1, 63),
    "network.kernel_size": st.integers(1, 4),
    "network.pool_size": st.integers(1, 3),
    "network.lstm_units": st.integers(1, 63),
    "network.last_lstm_units": st.integers(1, 31),
    "network.architecture": st.just("ngram_bag"),
    "network.ngram_words": st.integers(4, 8),
    "network.ngram_buckets": st.integers(2, 99_999),
    "network.ngram_least_reviews": st.integers(3, 99),
    "network.ngram_tail": st.integers(3, 99),
    "network.ngram_smoothing": st.floats(0.1, 9),
    "fit.seed": st.integers(1, 99),
    "fit.epochs": st.integers(1, 19),
    "fit.batch_size": st.integers(1, 63),
    "fit.learning_rate": st.floats(0.002, 1),
    "fit.stop_patience": st.integers(5, 9),
    "fit.reduce_patience": st.integers(3, 9),
    "fit.reduce_factor": st.floats(0.3, 0.9),
    "fit.class_weights": st.just("balanced"),
    "fit.shuffle_buffer": st.integers(1, 24_999),
    "fit.deterministic": st.just(value=True),
    "fit.training_step": st.sampled_from(["keras", "fast"]),
    "fit.evaluation_batch_size": st.integers(1, 255),
}


def test_the_steps_that_can_be_refreshed_are_the_tasks_of_a_run() -> None:
    assert set(all_keys(TrainingConfig())) == set(get_args(Step))


def test_every_field_of_the_config_is_among_the_changes() -> None:
    groups = ("data", "text", "protocol", "network", "fit")
    for network in NETWORKS.values():
        fields = TrainingConfig(network=network()).model_dump()
        assert set(CHANGES) >= {f"{group}.{field}" for group in groups for field in fields[group]}


@given(st.sampled_from(sorted(CHANGES)).flatmap(lambda f: st.tuples(st.just(f), CHANGES[f])))
def test_a_changed_field_makes_exactly_the_steps_miss_that_depend_on_it(
    change: tuple[str, object],
) -> None:
    field, value = change
    group, name = field.split(".")
    own = {"network": {"architecture": "ngram_bag"}} if name.startswith("ngram_") else {}
    config = TrainingConfig.model_validate(own)
    changed = TrainingConfig.model_validate({group: own.get(group, {}) | {name: value}})
    expected = EXPECTED.get(field, EXPECTED[group])
    assert missed(all_keys(changed), all_keys(config)) == expected


@given(st.text(min_size=1).filter(lambda text: text != "raw"))
def test_changed_raw_files_make_all_steps_but_build_miss(raw: str) -> None:
    assert missed(all_keys(TrainingConfig(), raw=raw)) == AFTER_LOAD


def test_another_device_makes_the_steps_miss_that_compute_on_it() -> None:
    gpu = Device(kind="gpu", name="H", reason="requested")
    assert missed(all_keys(TrainingConfig(), device=gpu)) == {"build"} | AFTER_TRAIN


def test_the_reason_for_a_device_and_the_artifacts_folder_change_nothing() -> None:
    same = Device(kind="cpu", reason="auto")
    elsewhere = ArtifactStore(Path("elsewhere"))
    assert missed(all_keys(TrainingConfig(), device=same, store=elsewhere)) == set()


ALL = AFTER_LOAD | {"build"}

HELPERS = {
    "tasks.data.pad": AFTER_PAD,  # called by the step itself
    "tasks.data.text.tokenizer": AFTER_LOAD,  # three calls deep in load
    "tasks.common.artifact_store": ALL,  # received by each step
    "tasks.common.atomic_files": ALL,
    "tasks.data.text.vocabulary": AFTER_LOAD,
    "tasks.training.callbacks": AFTER_TRAIN,
    "tasks.model.kernels.winograd": AFTER_TRAIN,  # called by the functions that are compiled
    "tasks.model.build": {"build"} | AFTER_TRAIN,
    "tasks.model.conv_bilstm": {"build"} | AFTER_TRAIN,
    "tasks.model.ngrams": {"build", "baseline"}
    | AFTER_TRAIN,  # also called when the training begins
    "tasks.evaluation.metrics": SCORING,
    "tasks.data.split": AFTER_PAD | {"baseline"},
    "tasks.evaluation.confident_errors": {"analyse"},
    "tasks.reports.plot": {"plot"},  # what the analysis draws with it has no `return`
    "tasks.model.model_hash": {"build"} | AFTER_TRAIN,
}


@pytest.mark.parametrize("helper", sorted(HELPERS))
def test_an_edited_helper_makes_exactly_the_steps_miss_that_reach_it(
    helper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.cache.own_sources import source_at_start
    from tasks.cache.source_fingerprint import fingerprint

    def edited(name: str) -> str | None:
        source = source_at_start(name)
        if name != helper or source is None:
            return source
        return re.sub(r"\n( +)return ", r"\n\g<1>5\n\g<1>return ", source)

    before = all_keys(TrainingConfig())
    monkeypatch.setattr(module, "_reached", module._reached.__wrapped__)
    monkeypatch.setattr(module, "fingerprint", lambda m, f: fingerprint(m, f, edited))
    assert missed(all_keys(TrainingConfig()), before) == HELPERS[helper]


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("numpy", ALL),
        ("pyarrow", AFTER_LOAD),
        ("tensorflow", {"build"} | AFTER_TRAIN),
        ("matplotlib", {"plot", "analyse"}),
        ("sklearn", SCORING),
        ("prefect", set()),
    ],
)
def test_another_version_of_a_library_makes_the_steps_miss_that_use_it(
    library: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = source_fingerprint_module.library_version
    before = all_keys(TrainingConfig())
    monkeypatch.setattr(
        module, "library_version", lambda name: "0" if name == library else installed(name)
    )
    monkeypatch.setattr(module, "_reached", module._reached.__wrapped__)
    assert missed(all_keys(TrainingConfig()), before) == expected


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("TF_ENABLE_ONEDNN_OPTS", {"build"} | AFTER_TRAIN), ("PREFECT_HOME", set())],
)
def test_a_setting_that_changes_bits_makes_the_steps_miss_that_it_concerns(
    setting: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = all_keys(TrainingConfig())
    monkeypatch.setenv(setting, "0")
    assert missed(all_keys(TrainingConfig()), before) == expected


def test_how_often_a_training_is_saved_changes_no_key() -> None:
    often = TrainingConfig.model_validate({"saving": {"save_every_steps": 3}})
    assert missed(all_keys(often)) == set()


def test_source_that_was_edited_after_the_start_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.cache.own_sources import source_now

    parts = key_parts("plot", steps.plot.fn, {})
    assert not source_was_edited(parts)
    text = str(source_now("tasks.reports.plot"))

    def edited(old: str, new: str) -> bool:
        assert old in text
        sources = {"tasks.reports.plot": text.replace(old, new)}
        monkeypatch.setattr(module, "source_now", lambda name: sources.get(name, source_now(name)))
        return source_was_edited(parts)

    assert edited("(12, 6)", "(12, 7)")
    assert edited("def plot_history(", "def plot_history(:")
    assert not edited("import json", "import json  # for the history")
    assert not edited("(12, 6)", "(12,  6)")


def test_an_argument_that_cannot_enter_a_key_is_an_error() -> None:
    with pytest.raises(TypeError, match="argument 'rows' of step 'load'"):
        key_parts("load", steps.load.fn, {"rows": [1, 2]})


def test_making_keys_imports_no_tensorflow() -> None:
    code = "from tests.cache.test_key import *; all_keys(TrainingConfig())"
    assert not {"tensorflow", "keras"} & imported_by(code)
