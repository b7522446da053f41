import os
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import keras
import pytest

from tasks.common import device as module
from tasks.common.device import CPU, Device, probe_gpus, select_accelerator, use_device
from tasks.common.errors import AcceleratorError, InvalidConfigError

Choose = Callable[..., Device]


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Choose:
    def chosen(requested: str, *gpus: str, usable: list[str] | None = None) -> Device:
        monkeypatch.setattr(module, "probe_gpus", lambda: list(gpus))
        monkeypatch.setattr(
            module, "tensorflow_gpus", lambda: list(gpus) if usable is None else usable
        )
        return select_accelerator(requested)

    return chosen


@pytest.mark.parametrize(
    ("requested", "gpus", "device"),
    [
        ("auto", "AB", Device(kind="gpu", name="A", reason="auto: a GPU can be used")),
        ("auto", "", Device(kind="cpu", reason="auto: no GPU was found in this machine")),
        ("gpu", "AB", Device(kind="gpu", name="A", reason="gpu was requested")),
        ("gpu:1", "AB", Device(kind="gpu", index=1, name="B", reason="gpu:1 was requested")),
        (
            "multi-gpu",
            "AA",
            Device(kind="gpu", count=2, name="A", reason="multi-gpu was requested"),
        ),
        (
            "multi-gpu",
            "AB",
            Device(kind="gpu", count=2, name="A + B", reason="multi-gpu was requested"),
        ),
    ],
)
def test_the_device_is_the_one_that_was_asked_for_with_the_reason(
    choose: Choose, requested: str, gpus: str, device: Device
) -> None:
    assert choose(requested, *gpus) == device


@pytest.mark.parametrize(
    ("requested", "gpus", "sentence"),
    [
        ("multi-gpu", "", "multi-gpu: no GPU was found in this machine; or use --accelerator auto"),
        ("multi-gpu", "A", r"there is one GPU only \(A\); or use --accelerator auto"),
        ("gpu", "", "no GPU was found in this machine"),
        ("gpu:2", "AB", r"no GPU with number 2 .*found gpu:0 A, gpu:1 B"),
        *(
            (unknown, "A", "must be auto, cpu, gpu, gpu:N or multi-gpu")
            for unknown in ("tpu", "", "cpu:0", "gpu:", "gpu:x", "GPU", "auto:1", "gpu:-1")
        ),
    ],
)
def test_an_unknown_or_missing_accelerator_is_an_error_that_says_what_there_is(
    choose: Choose, requested: str, gpus: str, sentence: str
) -> None:
    with pytest.raises((AcceleratorError, InvalidConfigError), match=sentence):
        choose(requested, *gpus)


def test_a_gpu_that_tensorflow_cannot_use_is_reported_with_the_remedy(choose: Choose) -> None:
    with pytest.raises(AcceleratorError, match="can be used by TensorFlow; install"):
        choose("gpu", "A", usable=[])
    assert "install TensorFlow" in choose("auto", "A", usable=[]).reason


def test_hidden_gpus_are_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert probe_gpus() == []


def test_cpu_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module, "probe_gpus")
    monkeypatch.delattr(module, "tensorflow_gpus")
    assert select_accelerator("cpu").kind == "cpu"


def test_what_enters_a_cache_key_is_the_hardware() -> None:
    one = Device(kind="gpu", index=0, name="A", reason="x")
    assert one.content_hash == Device(kind="gpu", index=1, name="A", reason="y").content_hash
    assert one.content_hash != Device(kind="gpu", index=0, name="B", reason="x").content_hash
    assert one.content_hash != one.model_copy(update={"count": 2}).content_hash


def fake_tensorflow(gpus: list[str], seen: list[str], *, started: bool) -> SimpleNamespace:
    def set_visible_devices(devices: list[str], kind: str) -> None:
        assert kind == "GPU"
        if started:
            raise RuntimeError("already initialized")
        seen[:] = devices

    grown: list[str] = []
    experimental = SimpleNamespace(
        set_memory_growth=lambda gpu, enable: grown.append(gpu) if enable else None,
        get_device_details=lambda gpu: {"device_name": f"H {gpu}"},
    )
    config = SimpleNamespace(
        experimental=experimental,
        list_physical_devices=lambda _: gpus,
        set_visible_devices=set_visible_devices,
        get_visible_devices=lambda _: seen,
    )
    return SimpleNamespace(config=config, grown=grown, keras=keras)


def test_the_chosen_gpu_alone_is_seen_and_its_memory_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = ["a", "b"]
    tensorflow = fake_tensorflow(["a", "b"], seen, started=False)
    monkeypatch.setattr(module, "start_tensorflow", lambda: tensorflow)
    assert module.tensorflow_gpus() == ["H a", "H b"]
    use_device(Device(kind="gpu", index=1, name="H b", reason="x"))
    assert (seen, tensorflow.grown) == (["b"], ["b"])
    use_device(Device(kind="gpu", count=2, name="H", reason="x"))
    assert (seen, tensorflow.grown) == (["a", "b"], ["b", "a", "b"])
    use_device(Device(kind="cpu", reason="x"))
    assert seen == []


def test_the_device_cannot_change_once_tensorflow_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    tensorflow = fake_tensorflow(["a"], [], started=True)
    monkeypatch.setattr(module, "start_tensorflow", lambda: tensorflow)
    use_device(Device(kind="cpu", reason="x"))
    with pytest.raises(AcceleratorError, match="TensorFlow already runs on another device"):
        use_device(Device(kind="gpu", name="H a", reason="x"))


def test_what_a_users_keras_file_says_changes_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras.config.set_floatx("float16")
    keras.config.set_epsilon(1e-3)
    keras.config.set_image_data_format("channels_first")
    use_device(CPU)
    found = (keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format())
    assert found == ("float32", 1e-7, "channels_last")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_the_notices_of_tensorflow_alone_are_left_out() -> None:
    code = (
        "import os; from tasks.common import device; device.set_libraries_up()\n"
        "with device._without_notices():\n"
        "    os.write(2, b'I0000 00:00:17.1   1 cudart_stub.cc:31] Could not find drivers\\n')\n"
        "    os.write(2, b'E0000 00:00:17.1   1 cuda_platform.cc:52] failed call\\n')\n"
        "    os.write(2, b'W0000 00:00:17.1   1 allocator.cc:9] out of memory\\nlast')\n"
    )
    for level, kept in (("2", 2), ("0", 4)):
        said = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": level},
            capture_output=True,
            check=True,
        ).stderr.splitlines()
        assert len(said) == kept
        assert said[-1] == b"last"
