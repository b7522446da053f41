"""Score models on test reviews by which they were not judged before."""

from collections.abc import Sequence

import numpy as np

from tasks.common.artifact_store import ArtifactStore
from tasks.common.canonical_json import json_sha256
from tasks.common.errors import BadDataError, PromotionError
from tasks.common.records import Record, read_record, write_record
from tasks.data.sources.readers import coded_source
from tasks.data.sources.source_files import content_sha256
from tasks.data.text.padding import pad_tokens
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.metrics import wilson_interval
from tasks.evaluation.significance import paired_test
from tasks.evaluation.slices import judged_correctly, read_predictions
from tasks.model.network import keras_network
from tasks.runs.compare import CommonReviews, CommonScore
from tasks.runs.find import Run
from tasks.runs.parts import unseen
from tasks.runs.read import (
    BEST_MODEL,
    PREDICTIONS,
    VOCABULARY,
    checked_file,
    read_checked,
    read_config,
)


class Judged(Record):
    """Which reviews a model judges correctly: `correct` has the packed bits in hexadecimal."""

    key: str
    correct: str


def judged_together(runs: Sequence[Run], store: ArtifactStore) -> CommonReviews:
    """Return what the models of all runs score on reviews from which none of them has learned.

    They are the test reviews of that run which leaves the most. What a model answers is kept below
    the cache. A BadDataError says that there are none, a PromotionError that a run's test reviews
    cannot be read again.
    """
    judged = {run.manifest.run_id: read_predictions(checked_file(run, PREDICTIONS)) for run in runs}
    new = {name: unseen(found.text_hash, *runs) for name, found in judged.items()}
    tested = max(runs, key=lambda run: int(new[run.manifest.run_id].sum()))
    name = tested.manifest.run_id
    mask = new[name]
    if not mask.any():
        raise BadDataError(
            "there is no test review that is new to all these models: each has learned from them or"
            " chosen by them"
        )
    correct = []
    for run in runs:
        same = run.manifest.fingerprints["test"] == tested.manifest.fingerprints["test"]
        answers = judged[run.manifest.run_id].correct if same else _kept(run, tested, store)
        correct.append(answers[mask])
    scores = []
    for run, answers in zip(runs, correct, strict=True):
        low, high = wilson_interval(int(answers.sum()), len(answers))
        scores.append(
            CommonScore(
                run_id=run.manifest.run_id,
                accuracy=float(answers.mean()),
                accuracy_low=low,
                accuracy_high=high,
                test=None if run is runs[0] else paired_test(answers, correct[0]),
            )
        )
    return CommonReviews(tested=name, reviews=int(mask.sum()), all_reviews=len(mask), scores=scores)


def _kept(run: Run, tested: Run, store: ArtifactStore) -> np.ndarray:
    """Return what `rescored` returns, from the cache where it is there."""
    key = json_sha256(
        {
            "model": run.manifest.files[BEST_MODEL].sha256,
            "words": run.manifest.files[VOCABULARY].sha256,
            "config": run.manifest.files["config.json"].sha256,
            "tested": tested.manifest.fingerprints["test"],
        }
    )
    file = store.judged / f"{key}.json"
    found = read_record(Judged, file)
    if found is None or found.key != key:
        packed = np.packbits(rescored(run, tested)).tobytes().hex()
        found = Judged(key=key, correct=packed)
        write_record(file, found)
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(found.correct), np.uint8))
    return bits[: tested.manifest.score.test_reviews].astype(bool)


def rescored(champion: Run, challenger: Run) -> np.ndarray:
    """Return whether the champion judges each test review of the challenger correctly.

    The reviews are read again from the challenger's raw files, and become numbers by the champion's
    own word index, vocabulary size and length. So the two runs may differ in all of these. The
    result is bool of shape (n,), in the order of the review ids.
    """
    _require_same_labels(champion, challenger)
    padded, labels = read_test_again(challenger, champion)
    network = keras_network(
        checked_file(champion, BEST_MODEL), read_config(champion).fit.evaluation_batch_size
    )
    return judged_correctly(network(padded), labels)


def _require_same_labels(champion: Run, challenger: Run) -> None:
    theirs, ours = (
        read_checked(run, "data_report.json")["label_names"] for run in (champion, challenger)
    )
    if theirs != ours:
        raise PromotionError(f"its labels are {', '.join(theirs)}, not {', '.join(ours)}")


def read_test_again(judged: Run, model_of: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return the test reviews of one run as the model of another one sees them, and their labels.

    Of shape (n, maxlen) and (n,), in the order of the review ids. A PromotionError says that they
    cannot be read as then, which their fingerprint proves.
    """
    source = judged.manifest.source
    for name, path in source.paths.items():
        if not path.exists() or content_sha256(path) != source.sha256[name]:
            raise PromotionError(
                f"their file {path} is missing or changed: bring it back as it was"
            )
    read = coded_source(source, read_config(judged).data)
    if read.sets["test"].fingerprint != judged.manifest.fingerprints["test"]:
        raise PromotionError("they can no longer be read as then: repeat that run")
    ids = Vocabulary.read(checked_file(model_of, VOCABULARY)).ids(read.words)
    tested, text = read.sets["test"].numbered(ids), read_config(model_of).text
    padded = np.concatenate([pad_tokens(chunk, text) for chunk in tested.tokens])
    return padded, tested.labels
