"""Score models on test reviews by which they were not judged before."""

from collections.abc import Sequence

import numpy as np

from tasks.common.artifact_store import ArtifactStore
from tasks.common.canonical_json import json_sha256
from tasks.common.errors import BadDataError, PromotionError
from tasks.common.records import Record, read_record, write_record
from tasks.data.sources.readers import coded_source
from tasks.data.sources.source_files import content_sha256
from tasks.data.tables.labels import changed_labels
from tasks.data.text.corpus import TextCoding, by_vocabulary
from tasks.data.text.padding import pad_tokens
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.metrics import wilson_interval
from tasks.evaluation.significance import paired_test
from tasks.evaluation.slices import Predictions, judged_correctly, read_predictions
from tasks.model.network import open_network
from tasks.runs.compare import CommonReviews, CommonScore
from tasks.runs.find import Run
from tasks.runs.parts import seen_hashes, unseen
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
    seen = seen_hashes(*runs)
    new = [unseen(_predictions(run).text_hash, seen) for run in runs]
    tested, mask = max(zip(runs, new, strict=True), key=lambda pair: int(pair[1].sum()))
    if not mask.any():
        raise BadDataError(
            "there is no test review that is new to all these models: each has learned from them or"
            " chosen by them"
        )
    correct = [correct_on(run, tested, store)[mask] for run in runs]
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
    return CommonReviews(
        tested=tested.manifest.run_id,
        reviews=int(mask.sum()),
        all_reviews=len(mask),
        scores=scores,
    )


def same_test_reviews(run: Run, other: Run) -> bool:
    """Tell whether two runs were judged by the same test reviews."""
    return run.manifest.fingerprints["test"] == other.manifest.fingerprints["test"]


def correct_on(run: Run, tested: Run, store: ArtifactStore | None = None) -> np.ndarray:
    """Return whether the model of a run judges each test review of `tested` correctly.

    Bool of shape (n,), in the order of the review ids. Where it was judged by other ones it is
    `rescored`; with a `store` that is kept.
    """
    if same_test_reviews(run, tested):
        return _predictions(run).correct
    return rescored(run, tested) if store is None else _kept(run, tested, store)


def _predictions(run: Run) -> Predictions:
    return read_predictions(checked_file(run, PREDICTIONS))


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
    network = open_network(checked_file(champion, BEST_MODEL))
    return judged_correctly(network.on_all_cores(padded), labels)


def _require_same_labels(champion: Run, challenger: Run) -> None:
    theirs, ours = (
        read_checked(run, "data_report.json")["label_names"] for run in (champion, challenger)
    )
    if theirs != ours:
        changed = changed_labels(theirs, ours)
        raise PromotionError(f"its labels are not those of the challenger ({changed})")


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
    text = read_config(model_of).text
    read = coded_source(source, read_config(judged).data, TextCoding(tokenizer=text.tokenizer))
    if read.sets["test"].fingerprint != judged.manifest.fingerprints["test"]:
        raise PromotionError("they can no longer be read as then: repeat that run")
    vocabulary = Vocabulary.read(checked_file(model_of, VOCABULARY))
    tested = by_vocabulary(vocabulary, read.sets["test"], read.words)
    padded = np.concatenate([pad_tokens(chunk, text) for chunk in tested.tokens])
    return padded, tested.labels
