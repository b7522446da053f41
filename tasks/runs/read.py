"""Read the files of a finished run, each only after its hash is checked."""

import json
from pathlib import Path
from typing import Any

from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.config.training import TrainingConfig, validated_config
from tasks.runs.find import Run

PREDICTIONS = "predictions.parquet"

BASELINE_PREDICTIONS = "baseline_predictions.parquet"

BAYES_PREDICTIONS = "bayes_baseline_predictions.parquet"

BEST_MODEL = "best_model.keras"

VOCABULARY = "vocabulary.json"


def checked_file(run: Run, name: str) -> Path:
    """Return the path of a file of `run`.

    Raises:
        BadDataError: It is missing, or its bytes are not those that the run wrote.
    """
    record = run.manifest.files.get(name)
    fault = f"{name} is not in its manifest"
    if record is not None:
        fault = record.fault(run.folder / name, name) or ""
    if fault:
        raise BadDataError(f"{run.folder}: {fault}; bring the file back or start that run again")
    return run.folder / name


def read_config(run: Run) -> TrainingConfig:
    """Return the config of `run`.

    Raises:
        BadDataError: The file is damaged, or does not fit this version of the project.
    """
    try:
        return validated_config(**_read_json(run, "config.json"))
    except InvalidConfigError as error:
        raise BadDataError(
            f"{run.folder}: config.json was written by another version of this project: {error}"
        ) from None


def read_history(run: Run) -> dict[str, list[float]]:
    """Return loss, accuracy and learning rate of `run` by epoch.

    Raises:
        BadDataError: The file is damaged.
    """
    return _read_json(run, "history.json")


def read_metrics(run: Run) -> dict[str, Any]:
    """Return the metrics of `run` on its test reviews.

    Raises:
        BadDataError: The file is damaged.
    """
    return _read_json(run, "metrics.json")


def read_data_report(run: Run) -> dict[str, Any]:
    """Return the sizes and the overlap of the reviews of `run`.

    Raises:
        BadDataError: The file is damaged.
    """
    return _read_json(run, "data_report.json")


def _read_json(run: Run, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(checked_file(run, name).read_text(encoding="utf-8"))
    return content
