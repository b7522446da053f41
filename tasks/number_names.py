"""Number names as they occur."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def number_names(column: pa.Array, numbers: dict[str, int]) -> np.ndarray:
    """Return the number of each row's name, int32 of shape (n,), and learn the names that are new.

    Args:
        column: The names, none of them null.
        numbers: Those known so far, numbered from 0 on in the order in which they occurred.
    """
    import numpy as np

    encoded = column.dictionary_encode()
    own = [numbers.setdefault(name, len(numbers)) for name in encoded.dictionary.to_pylist()]
    rows: np.ndarray = np.asarray(own, np.int32)[encoded.indices.to_numpy()]
    return rows
