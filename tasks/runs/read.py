"""Read the files of a run; those of a finished one only after their hashes are checked."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tasks.common.errors import BadDataError, InvalidConfigError, refusing_damage
from tasks.config.training import TrainingConfig, validated_config
from tasks.runs.find import Run

PREDICTIONS = "predictions.parquet"
BASELINE_PREDICTIONS = "baseline_predictions.parquet"
BAYES_PREDICTIONS = "bayes_baseline_predictions.parquet"
BEST_MODEL = "best_model.keras"
METRICS = "metrics.json"
VOCABULARY = "vocabulary.json"
PARTS = "parts.parquet"
REPORT = "report.html"
SLICES = "slices.parquet"
"""In which slices each test review is: a column for each thing that they are sliced by."""


def reading_runs(*runs: Run) -> AbstractContextManager[None]:
    """Say in one sentence that runs are damaged: that hashes fit does not say that contents do."""
    return refusing_damage(" or ".join(str(run.folder) for run in runs), "start that run again")


def checked_file(run: Run, name: str) -> Path:
    """Return the path of a file of `run`; raise a BadDataError where its bytes have changed."""
    record = run.manifest.files.get(name)
    fault = f"{name} is not in its manifest"
    if record is not None:
        fault = record.fault(run.folder / name, name) or ""
    if fault:
        raise BadDataError(f"{run.folder}: {fault}; bring the file back or start that run again")
    return run.folder / name


def config_in(folder: Path) -> TrainingConfig:
    """Return the config in the folder of a run, as it stands: it may still be in the making."""
    return TrainingConfig.model_validate(read_json(folder, "config.json"))


def read_config(run: Run) -> TrainingConfig:
    """Return the config of `run`; raise a BadDataError where it does not fit this version."""
    try:
        return validated_config(**read_checked(run, "config.json"))
    except InvalidConfigError as error:
        raise BadDataError(
            f"{run.folder}: config.json was written by another version of this project: {error}"
        ) from None


def read_checked(run: Run, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the content of a JSON file of `run`."""
    return read_json(checked_file(run, name).parent, name)


def read_json(folder: Path, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the content of a JSON file of a run folder, which may still be written."""
    return json.loads((folder / name).read_bytes())
