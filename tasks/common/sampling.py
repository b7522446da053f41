"""Choose a share of the rows or groups of each class, the same ones for the same seed."""

import numpy as np

from tasks.common.errors import BadDataError
from tasks.common.seeds import generator


def stratified_sample(
    labels: np.ndarray, fraction: float, seed: int, purpose: str, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return a boolean mask of shape (n,) that marks about `fraction` of each class.

    `labels` and the numbers of the `groups` have the shape (n,). A group is marked whole or not at
    all. The choice depends on seed and purpose.

    Raises:
        BadDataError: The rows or groups are too few to have each class on both sides.
    """
    if groups is not None:
        return grouped_sample(labels, groups, fraction, seed, purpose)

    chosen = np.zeros(len(labels), bool)
    random = generator(seed, purpose)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = round(fraction * len(rows))
        if not 0 < count < len(rows):
            raise BadDataError(
                f"class {label} has {len(rows)} reviews, of which a share of {fraction} for the"
                f" {purpose} leaves one side empty; add reviews or change the share"
            )
        chosen[random.permutation(rows)[:count]] = True
    return chosen


def grouped_sample(
    labels: np.ndarray, groups: np.ndarray, fraction: float, seed: int, purpose: str
) -> np.ndarray:
    """Return a boolean mask of shape (n,) that marks whole groups, about `fraction` of each class.

    The groups, numbered from 0 on, are considered in the order of the seed; one is marked if that
    brings the marked rows of the classes nearer to their share.

    Raises:
        BadDataError: The groups are too few or too large to have both classes on both sides.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    counts = np.zeros((int(groups.max()) + 1, len(classes)))
    np.add.at(counts, (groups, codes), 1)
    wanted = fraction * counts.sum(axis=0)
    marked, rows = np.zeros(len(counts), bool), np.zeros(len(classes))
    for group in generator(seed, purpose).permutation(len(counts)):
        if np.abs(rows + counts[group] - wanted).sum() < np.abs(rows - wanted).sum():
            marked[group] = True
            rows += counts[group]
    if (rows == 0).any() or (rows == counts.sum(axis=0)).any():
        raise BadDataError(
            f"{len(counts)} groups cannot be split so that a share of {fraction} for the {purpose}"
            " and the rest both hold both labels; add groups or change the share"
        )
    mask: np.ndarray = marked[groups]
    return mask
