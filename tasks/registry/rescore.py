"""Score the champion on the challenger's test reviews, where it was judged by other ones."""

import numpy as np

from tasks.common.errors import PromotionError
from tasks.data.sources.readers import coded_source
from tasks.data.sources.source_files import content_sha256
from tasks.data.text.padding import pad_tokens
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.slices import judged_correctly
from tasks.model.network import keras_network
from tasks.runs.find import Run
from tasks.runs.read import BEST_MODEL, VOCABULARY, checked_file, read_checked, read_config


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
