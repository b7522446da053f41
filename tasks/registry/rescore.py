"""Score the champion on the challenger's test reviews, where it was judged by other ones."""

import numpy as np
import pyarrow as pa

from tasks.common.errors import PromotionError
from tasks.data.sources.readers import read_test_reviews
from tasks.data.sources.source_files import content_sha256
from tasks.data.text.corpus import text_fingerprint
from tasks.data.text.padding import pad_tokens
from tasks.data.text.vocabulary import Vocabulary, text_chunks
from tasks.evaluation.slices import judged_correctly
from tasks.model.network import keras_network
from tasks.runs.find import Run
from tasks.runs.read import BEST_MODEL, VOCABULARY, checked_file, read_checked, read_config


def rescored(champion: Run, challenger: Run) -> np.ndarray:
    """Return whether the champion judges each test review of the challenger correctly.

    The texts are read again from the challenger's raw files, and become numbers by the champion's
    own word index, vocabulary size and length. So the two runs may differ in all of these. The
    result is bool of shape (n,), in the order of the review ids.
    """
    _require_same_labels(champion, challenger)
    reviews = read_test_reviews_again(challenger)
    model_file = checked_file(champion, BEST_MODEL)
    config = read_config(champion)
    vocabulary = Vocabulary.read(checked_file(champion, VOCABULARY))
    padded = pad_tokens(vocabulary.tokens(text_chunks(reviews["text"])), config.text)
    network = keras_network(model_file, config.fit.evaluation_batch_size)
    return judged_correctly(network(padded), reviews["label"].to_numpy())


def _require_same_labels(champion: Run, challenger: Run) -> None:
    theirs, ours = (
        read_checked(run, "data_report.json")["label_names"] for run in (champion, challenger)
    )
    if theirs != ours:
        raise PromotionError(f"its labels are {', '.join(theirs)}, not {', '.join(ours)}")


def read_test_reviews_again(challenger: Run) -> pa.Table:
    """Return the texts and labels that the run was judged by, proved by their fingerprint.

    A PromotionError says that its raw files have changed, or hold no texts.
    """
    source = challenger.manifest.source
    if source.form == "keras":
        raise PromotionError("Keras's file holds numbers, not texts")
    for name, path in source.paths.items():
        if not path.exists() or content_sha256(path) != source.sha256[name]:
            raise PromotionError(
                f"their file {path} is missing or changed: bring it back as it was"
            )
    reviews = read_test_reviews(source, read_config(challenger).data)
    if text_fingerprint(reviews) != challenger.manifest.fingerprints["test"]:
        raise PromotionError("they can no longer be read as then: repeat the challenger's run")
    return reviews
