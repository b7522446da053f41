"""Choose the device of a run from `auto | cpu | gpu | gpu:N | multi-gpu`, with the reason for it.

The choice is made without TensorFlow where that is possible, so that a wish that cannot
be met fails at once; `use_device` then applies it before TensorFlow touches a device.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated, Any, Literal

from pydantic import Field

from tasks.common.errors import AcceleratorError, InvalidConfigError
from tasks.common.process_memory import without_collection
from tasks.common.records import Record

_DRIVER_FOLDER = Path("/proc/driver/nvidia/gpus")
_PROBE_LIMIT_S = 5.0
_NOTICE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|I\d{4} \d\d:\d\d:\d\d|To enable the following instructions"
    rb"|[EW]\d{4} .* cuda_(platform|dnn|fft|blas|executor|diagnostics)\.cc"
)
_INSTALL = "install TensorFlow's CUDA libraries with: pip install 'tensorflow[and-cuda]'"


class Device(Record):
    """The device of a run and why it was chosen; `name` is the hardware's own name.

    With a `count` above 1 it is that many devices, from the first one on.
    """

    kind: Literal["cpu", "gpu"]
    index: int = 0
    count: int = 1
    name: str = "cpu"
    reason: str

    @property
    def content_hash(self) -> str:
        """What results depend on: the hardware and how much of it, not which and not why."""
        hardware = "cpu" if self.kind == "cpu" else f"gpu {self.name}"
        return hardware if self.count == 1 else f"{self.count} x {hardware}"


CPU = Device(kind="cpu", reason="by default")


def processor_cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tensorflow_threads() -> int:
    """Return among how many threads TensorFlow divides an operation."""
    wanted = os.environ.get("TF_NUM_INTRAOP_THREADS", "0")
    return int(wanted) if wanted.isdigit() and int(wanted) else processor_cores()


def probe_gpus() -> list[str]:
    """Return the names of the NVIDIA GPUs that the driver reports, without TensorFlow."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return []
    names = []
    for file in sorted(_DRIVER_FOLDER.glob("*/information")):
        lines = file.read_text().splitlines()
        names += [line.split(":", 1)[1].strip() for line in lines if line.startswith("Model:")]
    return names or _ask_nvidia_smi()


def _ask_nvidia_smi() -> list[str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        result = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, timeout=_PROBE_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in result.stdout.splitlines() if line.strip()]


def tensorflow_gpus() -> list[str]:
    """Return the names of the GPUs that TensorFlow can use."""
    tf = start_tensorflow()
    return [
        str(tf.config.experimental.get_device_details(gpu).get("device_name", "GPU"))
        for gpu in tf.config.list_physical_devices("GPU")
    ]


def select_accelerator(requested: str) -> Device:
    """Return the device for `auto`, `cpu`, `gpu` (the first one), `gpu:N` or `multi-gpu` (all).

    Raises:
        InvalidConfigError: `requested` is none of these.
        AcceleratorError: The requested GPU is not there; says what was found.
    """
    if re.match(ACCELERATOR_PATTERN, requested) is None:
        raise InvalidConfigError(
            f"accelerator={requested!r}: must be auto, cpu, gpu, gpu:N or multi-gpu"
        )
    if requested == "multi-gpu":
        return _all_gpus()
    kind, _, number = requested.partition(":")
    if kind == "cpu":
        return Device(kind="cpu", reason="cpu was requested")
    index = int(number or 0)
    gpus, why_not = _usable_gpus(index)
    if why_not is None:
        reason = f"{requested} was requested" if kind == "gpu" else "auto: a GPU can be used"
        return Device(kind="gpu", index=index, name=gpus[index], reason=reason)
    if kind == "auto":
        return Device(kind="cpu", reason=f"auto: {why_not}")
    raise AcceleratorError(f"accelerator={requested}: {why_not}; or use --accelerator cpu")


def _all_gpus() -> Device:
    names, why_not = _usable_gpus(0)
    if why_not is None and len(names) == 1:
        why_not = f"there is one GPU only ({names[0]})"
    if why_not is not None:
        raise AcceleratorError(f"accelerator=multi-gpu: {why_not}; or use --accelerator auto")
    shown = " + ".join(dict.fromkeys(names))
    return Device(kind="gpu", count=len(names), name=shown, reason="multi-gpu was requested")


def _usable_gpus(index: int) -> tuple[list[str], str | None]:
    """Return the GPUs that TensorFlow can use, and why the one with number `index` is not one.

    TensorFlow, which is slow to start, is asked only when there are any.
    """
    names, why_not = _gpus(probe_gpus(), index, "was found in this machine")
    if why_not is None:
        names, why_not = _gpus(tensorflow_gpus(), index, f"can be used by TensorFlow; {_INSTALL}")
    return names, why_not


def _gpus(names: list[str], index: int, where: str) -> tuple[list[str], str | None]:
    if not names:
        return names, f"no GPU {where}"
    if index >= len(names):
        found = ", ".join(f"gpu:{number} {name}" for number, name in enumerate(names))
        return names, f"no GPU with number {index} {where} (found {found})"
    return names, None


def use_device(device: Device) -> None:
    """Make TensorFlow see `device` only, with memory growth on GPUs, and Keras have its defaults.

    Raises:
        AcceleratorError: TensorFlow has already started on another device in this process.
    """
    tf = start_tensorflow()
    # A keras.json in the user's home may say otherwise; each changes the weights.
    tf.keras.config.set_floatx("float32")
    tf.keras.config.set_epsilon(1e-7)
    tf.keras.config.set_image_data_format("channels_last")
    gpus = tf.config.list_physical_devices("GPU")
    chosen = slice(device.index, device.index + device.count)
    wanted = gpus[chosen] if device.kind == "gpu" else []
    try:
        for gpu in wanted:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
        tf.config.set_visible_devices(wanted, "GPU")
    except RuntimeError:
        if tf.config.get_visible_devices("GPU") != wanted:
            raise AcceleratorError(
                f"accelerator={device.kind}: TensorFlow already runs on another device in this"
                " process; start a new one"
            ) from None


def set_libraries_up() -> None:
    """Set what TensorFlow, Keras, ONNX Runtime, Matplotlib and Ray read when they are imported."""
    # Start-up notices about CPU instructions and missing CUDA files would hide real ones.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # else it keeps an id of the device and reports
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # What they keep lies beside what Prefect keeps, not in several places of the user's home.
    for name, folder in (("KERAS_HOME", "keras"), ("MPLCONFIGDIR", "matplotlib")):
        os.environ[name] = os.environ.get(name) or str(prefect_home() / folder)


def prefect_home() -> Path:
    """Return the folder in which Prefect keeps its own."""
    return Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()


def keras_datasets_folder() -> Path:
    """Return the folder in which the user's Keras keeps downloaded data sets."""
    home = os.environ.get("KERAS_HOME")
    is_ours = home in (None, "", str(prefect_home() / "keras"))
    return (Path.home() / ".keras" if is_ours else Path(str(home))) / "datasets"


def start_tensorflow() -> Any:  # noqa: ANN401 - a module
    """Import TensorFlow and have it look for GPUs, without what it prints of that.

    Its notices are shown where TF_CPP_MIN_LOG_LEVEL is 0 or 1; all other lines always are.
    """
    set_libraries_up()
    return _started()[0]


@cache
def _started() -> tuple[Any, float]:
    """Return TensorFlow, and in how many seconds it started."""
    began = time.monotonic()
    quietly = nullcontext() if "tensorflow" in sys.modules else _without_notices()
    with quietly, without_collection():
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")
        # A notebook that opens several models is warned that each is compiled for itself.
        tf.get_logger().addFilter(lambda record: "retracing" not in record.getMessage())
        tf.keras.config  # noqa: B018 - imports Keras
    return tf, time.monotonic() - began


def tensorflow_start_seconds() -> float:
    """Return how long TensorFlow took to start in this process; 0 where it has not."""
    return _started()[1] if _started.cache_info().currsize else 0.0


@contextmanager
def _without_notices() -> Iterator[None]:
    """Leave out of the error output of this process what TensorFlow's C++ code writes as notices.

    No setting of TensorFlow reaches the lines that are written before its logging is set up.
    """
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] in ("0", "1") or sys.stderr is None:
        yield
        return
    with TemporaryFile() as written:
        try:
            with error_output_to(written):
                yield
        finally:
            written.seek(0)
            os.write(2, b"".join(line for line in written if not _NOTICE.match(line)))


@contextmanager
def error_output_to(file: IO[bytes]) -> Iterator[None]:
    """Have the error output of this process go to a file during the block, that of C++ code too."""
    sys.stderr.flush()
    ours = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(ours, 2)
        os.close(ours)


ACCELERATOR_PATTERN = r"^(auto|cpu|gpu|gpu:[0-9]+|multi-gpu)$"
Accelerator = Annotated[str, Field(pattern=ACCELERATOR_PATTERN)]
