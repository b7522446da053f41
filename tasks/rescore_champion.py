"""Score the champion on the challenger's test reviews, where it was judged by other ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.artifact_store import ArtifactStore
from tasks.atomic_files import file_sha256
from tasks.errors import PromotionError
from tasks.read_run import BEST_MODEL, VOCABULARY, checked_file, read_config

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from tasks.find_runs import Run

_THRESHOLD = 0.5


def rescored(champion: Run, challenger: Run, artifacts: Path) -> np.ndarray:
    """Return whether the champion judges each test review of the challenger rightly.

    Args:
        champion: Its model is used, after its hash is checked.
        challenger: Its padded test reviews are read from the cache, after theirs is checked.
        artifacts: The artifacts folder of both.

    Returns:
        Bool of shape (n,), in the order of the review ids.

    Raises:
        PromotionError: The champion cannot read these reviews, or they are not there.
        BadDataError: A file is damaged.
    """
    _require_same_numbers(champion, challenger)
    test = _padded_test(challenger, artifacts)
    model_file = checked_file(champion, BEST_MODEL)
    size = read_config(champion).fit.evaluation_batch_size
    import keras
    import numpy as np

    from tasks.review_arrays import read_arrays

    reviews = read_arrays(test)
    model = keras.models.load_model(model_file, compile=False)
    says_one = model.predict(reviews.tokens, batch_size=size, verbose=0)[:, 0] > _THRESHOLD
    correct: np.ndarray = says_one == (reviews.labels[:, 0] > _THRESHOLD)
    return correct[np.argsort(reviews.review_ids)]


def _require_same_numbers(champion: Run, challenger: Run) -> None:
    """Check that a word has the same number for both models, and a review the same length."""
    ours, theirs = (read_config(run).text for run in (challenger, champion))
    if ours != theirs:
        names = [
            name for name in type(ours).model_fields if getattr(ours, name) != getattr(theirs, name)
        ]
        raise PromotionError(f"the two runs differ in {', '.join(names)}")
    if challenger.manifest.files[VOCABULARY].sha256 != champion.manifest.files[VOCABULARY].sha256:
        raise PromotionError("the two runs learned other word indexes, from other training reviews")


def _padded_test(challenger: Run, artifacts: Path) -> Path:
    content = challenger.manifest.data_content["test.parquet"]
    path = ArtifactStore(artifacts).objects / content[:2] / f"{content}.parquet"
    if not path.is_file() or file_sha256(path) != content:
        raise PromotionError(
            "the challenger's padded test reviews are not in the cache: repeat its run, and"
            " promote that one"
        )
    return path
