"""What is known of a source's texts before they are read: labels and groups, not the texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Split = Literal["train", "test"]
SPLITS: tuple[Split, Split] = ("train", "test")


@dataclass(frozen=True)
class TextFile:
    """n reviews of a file: labels and perhaps group numbers of shape (n,), and their texts.

    `texts` reads the file anew each time that it is called.
    """

    labels: np.ndarray
    texts: Callable[[], Iterator[pa.Array]]
    groups: np.ndarray | None = None


@dataclass(frozen=True)
class TextSource:
    """The texts of both sets in chunks, each time read anew, and their labels."""

    labels: dict[Split, np.ndarray]
    texts: Callable[[], Iterator[tuple[Split, pa.Array]]]
    label_names: tuple[str, str]
    train_groups: np.ndarray | None


FilesAndNames = tuple[dict[Split, TextFile], tuple[str, str]]
"""One or both sets of a source, and what the labels 0 and 1 mean."""
