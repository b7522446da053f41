"""Export a run for TensorBoard: its curves by epoch, its score and its config."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tasks.common.atomic_files import require_new, whole_file
from tasks.common.errors import import_extra
from tasks.config.training import flat_config
from tasks.runs.find import Run
from tasks.runs.read import read_checked, read_config

_VALIDATION = "val_"


def export_tensorboard(run: Run, logdir: Path, headline: str) -> list[Path]:
    """Write `<logdir>/<run id>/train` and `validation`, and return the files.

    Curves are named as Keras's callback names them; the first epoch is step 1, and every event has
    the time of the run. A MissingExtraError says that TensorBoard is not installed; a BadDataError
    that a file of the run is damaged; an ExportError that the run was exported there before.
    """
    require_new(logdir / run.manifest.run_id)
    # TensorBoard's own records: its usual writer would start TensorFlow.
    text_pb = import_extra("tensorboard.plugins.text.summary_v2", "tensorboard").text_pb
    history, config = read_checked(run, "history.json"), _config_table(run)
    validation = {
        name.removeprefix(_VALIDATION): values
        for name, values in history.items()
        if name.startswith(_VALIDATION)
    }
    train = {name: values for name, values in history.items() if not name.startswith(_VALIDATION)}
    texts = [(0, text_pb("score", headline)), (0, text_pb("config", config))]
    folder = logdir / run.manifest.run_id
    return [
        _write(run, folder / "train", [*texts, *_scalars(train)]),
        _write(run, folder / "validation", _scalars(validation)),
    ]


def _config_table(run: Run) -> str:
    rows = [f"| {name} | {value} |" for name, value in flat_config(read_config(run)).items()]
    return "\n".join(["| field | value |", "|---|---|", *rows])


def _scalars(curves: dict[str, list[float]]) -> Iterator[tuple[int, Any]]:
    summary = import_extra("tensorboard.compat.proto.summary_pb2", "tensorboard").Summary
    for name, values in curves.items():
        for step, value in enumerate(values, start=1):
            scalar = summary.Value(tag=f"epoch_{name}", simple_value=value)
            yield step, summary(value=[scalar])


def _write(run: Run, folder: Path, summaries: Iterable[tuple[int, Any]]) -> Path:
    event = import_extra("tensorboard.compat.proto.event_pb2", "tensorboard").Event
    writers = import_extra("tensorboard.summary.writer.record_writer", "tensorboard")
    time = datetime.fromisoformat(run.manifest.created).timestamp()
    path = folder / f"events.out.tfevents.{time:.0f}.{run.manifest.run_id}"
    with whole_file(path) as temporary, temporary.open("wb") as file:
        writer = writers.RecordWriter(file)
        writer.write(event(wall_time=time, file_version="brain.Event:2").SerializeToString())
        for step, summary in summaries:
            record = event(wall_time=time, step=step, summary=summary)
            writer.write(record.SerializeToString())
    return path
