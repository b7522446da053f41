"""Export a run to an MLflow tracking store: parameters, metrics, tags and files."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tasks.common.errors import ExportError, first_line, import_extra
from tasks.common.records import Record
from tasks.config.training import flat_config
from tasks.runs.describe import total_seconds
from tasks.runs.find import Run
from tasks.runs.read import checked_file, read_checked, read_config

if TYPE_CHECKING:
    from mlflow import MlflowClient

_RUN_ID_TAG = "run_id"

_MOST_METRICS = 1000
"""MLflow takes no more in one call."""

# Nothing but the run itself leaves the machine, and a server that is not there is reported in
# seconds; MLflow's own defaults try for four minutes. What the user has set stays.
_SETTINGS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}


class MlflowExport(Record):
    """Where a run stands in MLflow, and whether this export put it there."""

    run_id: str
    mlflow_run_id: str
    experiment: str
    is_new: bool


def export_mlflow(run: Run, tracking_uri: str, experiment: str, headline: str) -> MlflowExport:
    """Copy `run` to MLflow, unless the experiment has it already.

    A run is known by its tag `run_id`. What an interrupted export left is replaced. `tracking_uri`
    is MLflow's address of the store, like `sqlite:///mlflow.db`. The headline becomes the run's
    description. A MissingExtraError says that MLflow is not installed; an ExportError that it did
    not take the run; a BadDataError that a file of the run is damaged.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    mlflow, database = (import_extra(name, "mlflow") for name in ("mlflow", "sqlalchemy.exc"))
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    for name in run.manifest.files:
        checked_file(run, name)
    try:
        client = mlflow.MlflowClient(tracking_uri=tracking_uri)
        place = _experiment_id(client, experiment)
        known = _known(client, place, run.manifest.run_id)
        return MlflowExport(
            run_id=run.manifest.run_id,
            mlflow_run_id=known or _copy(client, place, run, headline),
            experiment=experiment,
            is_new=known is None,
        )
    except (mlflow.MlflowException, database.SQLAlchemyError) as error:
        reason = first_line(error)
        raise ExportError(f"MLflow at {tracking_uri} did not take the run: {reason}") from None


def _experiment_id(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _known(client: MlflowClient, experiment_id: str, run_id: str) -> str | None:
    """Return MLflow's id of the run, if it is there as a whole; drop it where it is in part."""
    known = None
    for found in client.search_runs([experiment_id], f"tags.{_RUN_ID_TAG} = '{run_id}'"):
        if found.info.status == "FINISHED":
            known = str(found.info.run_id)
        else:
            client.delete_run(found.info.run_id)
    return known


def _copy(client: MlflowClient, experiment_id: str, run: Run, headline: str) -> str:
    entities = import_extra("mlflow.entities", "mlflow")
    ended = int(datetime.fromisoformat(run.manifest.created).timestamp() * 1000)
    started = ended - int(total_seconds(run.manifest) * 1000)
    copy = client.create_run(
        experiment_id, start_time=started, tags=_tags(run, headline), run_name=run.manifest.run_id
    )
    copy_id = str(copy.info.run_id)
    config = flat_config(read_config(run)).items()
    client.log_batch(copy_id, params=[entities.Param(name, str(value)) for name, value in config])
    metrics = _metrics(run, ended)
    for start in range(0, len(metrics), _MOST_METRICS):
        client.log_batch(copy_id, metrics=metrics[start : start + _MOST_METRICS])
    client.log_artifacts(copy_id, str(run.folder))
    client.set_terminated(copy_id, "FINISHED", ended)
    return copy_id


def _tags(run: Run, headline: str) -> dict[str, str]:
    manifest = run.manifest
    return {
        _RUN_ID_TAG: manifest.run_id,
        "protocol": manifest.score.protocol,
        "source": manifest.score.source_label,
        "train_fingerprint": manifest.fingerprints["train"],
        "test_fingerprint": manifest.fingerprints["test"],
        "device": manifest.device.content_hash,
        "git_commit": str(manifest.git["commit"]),
        "git_changed": str(manifest.git["changed"]),
        "mlflow.note.content": headline,
    }


def _metrics(run: Run, time: int) -> list[Any]:
    metric = import_extra("mlflow.entities", "mlflow").Metric
    by_epoch = [
        metric(name, value, time, step)
        for name, values in read_checked(run, "history.json").items()
        for step, value in enumerate(values, start=1)
    ]
    best = run.manifest.training.best_epoch
    return by_epoch + [metric(name, value, time, best) for name, value in _final(run).items()]


def _final(run: Run) -> dict[str, float]:
    """Return the scores on the test reviews, with their intervals as metrics of their own."""
    metrics = _numbers(read_checked(run, "metrics.json"))
    scores = {f"test_{name}": value for name, value in metrics.items()}
    models = ("baseline", "bayes_baseline")
    for model, baseline in zip(models, run.manifest.baselines, strict=True):
        numbers = baseline.model_dump(exclude={"name"}, exclude_none=True)
        scores |= {f"{model}_test_{name}": value for name, value in numbers.items()}
    return scores


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in metrics.items():
        if name.endswith("_interval_95"):
            of = name.removesuffix("_interval_95")
            numbers |= dict(zip((f"{of}_low", f"{of}_high"), value, strict=True))
        elif isinstance(value, dict):
            numbers |= _numbers(value)
        elif not isinstance(
            value, str | list | None
        ):  # what has a value for each label is in the file
            numbers[name] = value
    return numbers
