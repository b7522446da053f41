"""What a network says of each class, in one form for any number of classes.

Of two classes a network gives one number for a review, the probability of class 1, of more classes
one number each. Arrays of n reviews have the shape (n,) or (n, classes) accordingly; only this
module tells the two apart.
"""

import numpy as np


def output_count(classes: int) -> int:
    """Return how many numbers a network gives for a review."""
    return classes if classes > 2 else 1  # noqa: PLR2004 - one number tells two apart


def classes_given(classes: int) -> range:
    """Return the classes whose probabilities a network gives."""
    return range(classes)[-output_count(classes) :]


def class_count(outputs: int) -> int:
    """Return how many classes a network of so many numbers for a review tells apart."""
    return outputs if outputs > 1 else 2


def probabilities_of(outputs: np.ndarray) -> np.ndarray:
    """Return what a network gave, of shape (n, numbers), as probabilities of n reviews."""
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def of_each(probabilities: np.ndarray) -> np.ndarray:
    """Return the probability of each class, shape (n, classes)."""
    if probabilities.ndim == 1:
        return np.stack([1 - probabilities, probabilities], axis=1)
    return probabilities


def given_of(of_classes: np.ndarray) -> np.ndarray:
    """Return of the probabilities of each class, shape (n, classes), those that are given."""
    return probabilities_of(of_classes[:, classes_given(of_classes.shape[1])])


def answers(probabilities: np.ndarray, cut: float | None = None) -> np.ndarray:
    """Return the likeliest class of each review, the first one of equals, int of shape (n,).

    With a cut, of two classes, it is class 1 where its probability is above that.
    """
    if cut is not None:
        return (probabilities > cut).astype(np.int64)
    likeliest: np.ndarray = of_each(probabilities).argmax(axis=1)
    return likeliest


def sureness(probabilities: np.ndarray) -> np.ndarray:
    """Return the probability of each answer, shape (n,)."""
    highest: np.ndarray = of_each(probabilities).max(axis=1)
    return highest


def sure_and_right(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one probability of each review, and whether it came true, both of shape (n,).

    Of two classes it is that of class 1, of more that of the answer.
    """
    if probabilities.ndim == 1:
        return probabilities, labels
    return sureness(probabilities), answers(probabilities) == labels


def one_against_rest(
    probabilities: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return all numbers that a network gave, and whether each came true, of the shape (m,).

    Of two classes these are the probabilities of class 1, of more those of all classes in a row.
    """
    if probabilities.ndim == 1:
        return probabilities, labels == 1
    is_class = labels[:, None] == np.arange(probabilities.shape[1])
    return probabilities.reshape(-1), is_class.reshape(-1)
