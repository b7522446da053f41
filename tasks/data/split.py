"""Choose the test and the validation reviews: by a hash, so that a growing table moves none.

A review keeps its part when others are added, removed or put in another order, and reviews of the
same words, or of the same group, share one. The shares of the labels are those of the table within
what chance allows.
"""

from collections.abc import Sequence

import numpy as np

from tasks.common.errors import BadDataError
from tasks.config.training import ProtocolConfig
from tasks.data.text.vocabulary import hashes_of

TEST, VALIDATION = "test set", "validation set"


def chosen_part(
    units: np.ndarray,
    labels: np.ndarray,
    fraction: float,
    seed: int,
    purpose: str,
    names: Sequence[str] = (),
) -> np.ndarray:
    """Return which reviews a part takes: about `fraction` of them, bool of shape (n,).

    `units` has a hash of what is never split, uint64, `labels` are numbers from 0 on, of these
    names; both have the shape (n,). The choice for a unit depends on its hash, the seed and the
    purpose alone. A BadDataError says that one of the two parts would lack a label; of three labels
    and more a validation set may lack some, since it only says which epoch is the best.
    """
    mask = is_chosen(units, fraction, seed, purpose)
    for label in range(int(labels.max(initial=1)) + 1):
        rows = mask[labels == label]
        may_lack = purpose == VALIDATION and labels.max() > 1 and mask.any()
        if rows.all() or not (rows.any() or may_lack):
            name = repr(names[label]) if names else label
            raise BadDataError(
                f"label {name} has {len(rows)} reviews, of which the {purpose} gets"
                f" {int(rows.sum())} by a share of {fraction}: both parts need some; add reviews,"
                " or change the share or its seed"
            )
    return mask


def is_chosen(units: np.ndarray, fraction: float, seed: int, purpose: str) -> np.ndarray:
    """Return which of n hashes a part takes, bool of shape (n,), whatever their labels are."""
    key = hashes_of([f"{purpose} {seed}".encode()])
    return np.asarray(_mixed(units ^ key) < np.uint64(fraction * 2**64))


def validation_mask(
    units: np.ndarray, labels: np.ndarray, protocol: ProtocolConfig, names: Sequence[str] = ()
) -> np.ndarray:
    """Return which training reviews are set apart, bool of shape (n,); none in `tutorial`.

    The reviews are those of `chosen_part`. They choose the model and do not train it.
    """
    if protocol.protocol == "tutorial":
        return np.zeros(len(labels), bool)
    fraction, seed = protocol.validation_fraction, protocol.split_seed
    return chosen_part(units, labels, fraction, seed, VALIDATION, names)


def fold_numbers(units: np.ndarray, folds: int) -> np.ndarray:
    """Return the fold of each review, int of shape (n,), so that no unit is in two of them."""
    numbers: np.ndarray = _mixed(units ^ hashes_of([b"folds"])) % np.uint64(folds)
    return numbers.astype(int)


def _mixed(hashes: np.ndarray) -> np.ndarray:
    """Return uint64 whose bits each depend on all bits of a hash.

    The last steps of SplitMix64: Steele, Lea and Flood, *Fast Splittable Pseudorandom Number
    Generators*, OOPSLA 2014 (https://doi.org/10.1145/2660193.2660195).
    """
    mixed = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
