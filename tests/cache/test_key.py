import re
from collections.abc import Iterator
from pathlib import Path
from typing import ParamSpec, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from tasks import steps
from tasks.cache import key as module
from tasks.cache import source_fingerprint as source_fingerprint_module
from tasks.cache.key import cache_key, key_parts, source_was_edited
from tasks.cache.step_function import StepFunction
from tasks.chain import learn_and_judge, load
from tasks.common.artifact_store import ArtifactStore, StepOutput, StoredFile
from tasks.common.canonical_json import json_sha256
from tasks.common.device import Device
from tasks.config.training import (
    ConvBilstmConfig,
    FitConfig,
    NgramBagConfig,
    Step,
    TrainingConfig,
)
from tasks.data.sources.source_files import SourceFiles
from tests.support.commands import imported_by

P = ParamSpec("P")

STORE = ArtifactStore(Path("artifacts"))

CPU = Device(kind="cpu", reason="requested")


def output(step: str, key: str) -> StepOutput:
    """Stand for what a step makes: content that depends on its key alone."""
    file = StoredFile(name="f", sha256=json_sha256(key), size=1, content=json_sha256(key))
    return StepOutput(step=step, files={"f": file}, facts={"protocol": "honest"})


class KeyMaker:
    """Goes through the chain and makes the key of each step."""

    def __init__(self, store: ArtifactStore) -> None:
        """Take the store that each step is given."""
        self.keys: dict[str, str] = {}
        self._store = store

    def cached(
        self, step: StepFunction[P, StepOutput], *args: P.args, **kwargs: P.kwargs
    ) -> StepOutput:
        arguments = step.arguments(self._store, *args, **kwargs)
        self.keys[step.name] = cache_key(key_parts(step.name, step.function, arguments))
        return output(step.name, self.keys[step.name])


def all_keys(
    config: TrainingConfig, raw: str = "raw", device: Device = CPU, store: ArtifactStore = STORE
) -> dict[str, str]:
    """Return the key of each step of a run."""
    files = SourceFiles(
        source="imdb", form="keras", paths={"a": Path("x")}, sha256={"a": raw}, reason="r"
    )
    run = KeyMaker(store)
    learn_and_judge(run, load(run, files, config), config, files, device)
    return run.keys


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
    "text.tokenizer": {"load"} | AFTER_LOAD,
    "text.num_words": AFTER_PAD | {"build"},
    "text.maxlen": AFTER_PAD | {"build"},
    "protocol": AFTER_PAD | {"baseline"},
    "baselines": {"baseline", "analyse"},
    "network": {"build"} | AFTER_TRAIN,
    "fit": AFTER_TRAIN,
    "fit.seed": {"build"} | AFTER_TRAIN,
}

# Momentum is a number of sgd alone; a user's own network is asked in a test of its own.
CONFIGS = [
    TrainingConfig(network=network, fit=FitConfig(optimizer="sgd"))
    for network in (ConvBilstmConfig(), NgramBagConfig())
]


def changes(config: TrainingConfig) -> Iterator[tuple[TrainingConfig, str, object]]:
    """Yield the config with each field that is a part of a key, and another value of it."""
    for group in ("data", "text", "protocol", "baselines", "network", "fit"):
        for name, field in type(getattr(config, group)).model_fields.items():
            if name != "architecture":
                yield config, f"{group}.{name}", other_value(field)


def other_value(field: FieldInfo) -> object:
    """Return a possible value of a field that is not its default."""
    if isinstance(field.default, bool):
        return not field.default
    if isinstance(field.default, float):
        return field.default * 1.1 or 0.1
    if isinstance(field.default, int):
        return field.default + 3
    if float in get_args(field.annotation):
        return 0.1
    return next(value for value in get_args(field.annotation) if value != field.default)


def test_the_steps_that_can_be_refreshed_are_the_tasks_of_a_run() -> None:
    assert set(all_keys(TrainingConfig())) == set(get_args(Step))


@pytest.mark.parametrize(
    ("config", "field", "value"), [change for config in CONFIGS for change in changes(config)]
)
def test_a_changed_field_makes_exactly_the_steps_miss_that_depend_on_it(
    config: TrainingConfig, field: str, value: object
) -> None:
    group, name = field.split(".")
    fields = config.model_dump()
    fields[group][name] = value
    changed = TrainingConfig.model_validate(fields)
    assert missed(all_keys(changed), all_keys(config)) == EXPECTED.get(field, EXPECTED[group])


def test_another_architecture_makes_the_steps_miss_that_build_or_train_it() -> None:
    assert missed(*map(all_keys, CONFIGS)) == EXPECTED["network"]


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
    "tasks.model.ngrams.hashing": {"build"} | AFTER_TRAIN,
    "tasks.model.ngrams.counts": {"build", "baseline"}
    | AFTER_TRAIN,  # also called when the training begins
    "tasks.evaluation.metrics": SCORING,
    "tasks.data.split": AFTER_PAD | {"load", "baseline"},
    "tasks.evaluation.confident_errors": {"analyse"},
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
    [
        ("TF_ENABLE_ONEDNN_OPTS", {"build"} | AFTER_TRAIN),
        ("ONEDNN_MAX_CPU_ISA", {"build"} | AFTER_TRAIN),
        ("TF_NUM_INTRAOP_THREADS", {"build"} | AFTER_TRAIN),
        ("PREFECT_HOME", set()),
    ],
)
def test_a_setting_that_changes_bits_makes_the_steps_miss_that_it_concerns(
    setting: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = all_keys(TrainingConfig())
    monkeypatch.setenv(setting, "64")
    assert missed(all_keys(TrainingConfig()), before) == expected


def test_another_cost_makes_no_step_miss_but_the_judging_ones() -> None:
    costly = TrainingConfig.model_validate({"decision": {"cost": "fp=5,fn=1"}})
    assert missed(all_keys(costly)) == {"evaluate", "analyse"}


def test_how_often_a_training_is_saved_changes_no_key() -> None:
    often = TrainingConfig.model_validate({"saving": {"save_every_steps": 3}})
    assert missed(all_keys(often)) == set()


def test_source_that_was_edited_after_the_start_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.cache.own_sources import source_now

    parts = key_parts("plot", steps.plot.function, {})
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
        key_parts("load", steps.load.function, {"rows": [1, 2]})


def test_making_keys_imports_no_tensorflow() -> None:
    code = "from tests.cache.test_key import *; all_keys(TrainingConfig())"
    assert not {"tensorflow", "keras"} & imported_by(code)
