"""Open the model that predicts: the champion, else the newest run, or a run that is named."""

from pathlib import Path

from tasks.common.canonical_json import json_sha256
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.abstention import ABSTENTION, NO_ABSTENTION, Abstention
from tasks.inference.predictor import Predictor, TrainedModel, ready_predictor
from tasks.registry.challenge import champion_run
from tasks.runs.find import LATEST, Run, find_run
from tasks.runs.read import (
    BEST_MODEL,
    METRICS,
    VOCABULARY,
    checked_file,
    read_checked,
    read_config,
    reading_runs,
)

_KERAS_NOTE = (
    "this run learned from Keras's file of numbers, so its texts were never seen here: words are"
    " looked up in Keras's own word index, by the tokenizer that Keras documents"
)


def open_predictor(artifacts: Path = Path("artifacts"), run: str | None = None) -> Predictor:
    """Return a predictor; by default of the champion, else of the newest run.

    A BadDataError says that there is no such run, or that a file of it is damaged; a PromotionError
    that the champion is not as it was when it was promoted.
    """
    chosen = chosen_run(artifacts, run)
    with reading_runs(chosen):
        return ready_predictor(model_of_run(chosen))


def chosen_run(artifacts: Path, name: str | None) -> Run:
    """Return the run that `name` means; None means the champion, else the newest run."""
    if name is not None:
        return find_run(artifacts, name)
    return champion_run(artifacts) or find_run(artifacts, LATEST)


def model_of_run(run: Run) -> TrainedModel:
    """Return the model of a run with the preprocessing of its training.

    A BadDataError says that a file is damaged or was written by another version of the project.
    """
    file = checked_file(run, BEST_MODEL)
    config = read_config(run)
    labels = read_checked(run, "data_report.json")["label_names"]
    cut = read_checked(run, METRICS).get("cost", {}).get("cut")
    hashes = {name: run.manifest.files[name].sha256 for name in (BEST_MODEL, VOCABULARY)}
    text = config.text.model_dump(mode="json")
    abstention = NO_ABSTENTION
    if ABSTENTION in run.manifest.files:
        abstention = Abstention.model_validate(read_checked(run, ABSTENTION))
    return TrainedModel(
        name=run.manifest.run_id,
        file=file,
        vocabulary=Vocabulary.read(checked_file(run, VOCABULARY)),
        text=config.text,
        label_names=tuple(labels),
        content_hash=json_sha256(hashes | {"text": text, "labels": labels, "cut": cut}),
        note=_KERAS_NOTE if run.manifest.source.form == "keras" else None,
        abstention=abstention,
        cut=cut,
    )
