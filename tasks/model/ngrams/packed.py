"""An n-gram network in a tenth of its bytes: no empty bucket, and each number in 16 bits.

The file is NumPy's own (`.npz`), of plain arrays. Which n-grams are known stays exact. What an
n-gram adds is off by at most one part in 2,048, since a float16 has 11 bits.
"""

import zipfile
from pathlib import Path

import numpy as np

from tasks.common.errors import BadDataError, refusing_damage
from tasks.model.ngrams.table import FINGERPRINT_BITS, NgramTable

LARGEST_ERROR, SMALLEST_STEP = 2.0**-11, 2.0**-25
"""What a number may be off by in 16 bits: this share of it, or so much where it is tiny."""

_MOST_BYTES = 1 << 32

_FINGERPRINT_BYTES = FINGERPRINT_BITS // 8


def write_packed(table: NgramTable, file: Path) -> None:
    """Write a network without its empty buckets, k of them being filled.

    `filled` has a bit per bucket, `fingerprints` the bytes of each one's n-gram, lowest first, of
    shape (k, 3), `added` what it adds, float16 of shape (k, tables, numbers). A table is about the
    last tokens, of which `last_tokens` has the number. Bucket 0 counts as filled, by all that is no
    n-gram. `kernel` and `bias` make the logits of the sums.
    """
    filled = table.held < 1 << FINGERPRINT_BITS
    filled[0] = True
    marks = table.held[filled].astype("<u4").view(np.uint8).reshape(-1, 4)
    added = np.stack([rows[filled] for _, rows in table.evidence], axis=1)
    np.savez(
        file,
        buckets=np.int64(len(filled)),
        longest=np.int64(table.longest),
        last_tokens=np.array([length for length, _ in table.evidence], np.int64),
        filled=np.packbits(filled),
        fingerprints=marks[:, :_FINGERPRINT_BYTES],
        added=added.astype(np.float16),
        kernel=table.kernel,
        bias=table.bias,
    )


def read_packed(file: Path) -> NgramTable:
    """Return the network that `write_packed` wrote; a BadDataError says that it is damaged."""
    with refusing_damage(file, "get the file again"):
        with zipfile.ZipFile(file) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MOST_BYTES:
            raise BadDataError(f"{file} has {size:,} bytes, more than the {_MOST_BYTES:,} allowed")
        with np.load(file, allow_pickle=False) as arrays:
            table = _table({name: arrays[name] for name in arrays.files})
        table(np.zeros((1, table.maxlen), np.int32))  # sizes that do not fit together fail
    numbers = [*(rows for _, rows in table.evidence), table.kernel, table.bias]
    if not all(np.isfinite(one).all() for one in numbers):
        raise BadDataError(f"{file} holds NaN or infinite weights; train it again")
    return table


def _table(arrays: dict[str, np.ndarray]) -> NgramTable:
    buckets, lengths = int(arrays["buckets"]), arrays["last_tokens"].tolist()
    filled = np.unpackbits(arrays["filled"], count=buckets).astype(bool)
    marks = np.zeros((filled.sum(), 4), np.uint8)
    marks[:, :_FINGERPRINT_BYTES] = arrays["fingerprints"]
    held = np.full(buckets, -1, np.int32).view(np.uint32)
    held[filled] = marks.view("<u4")[:, 0]
    numbers, evidence = arrays["added"].shape[2], []
    for length, added in zip(lengths, arrays["added"].swapaxes(0, 1), strict=True):
        rows = np.zeros((buckets, numbers), np.float32)
        rows[filled] = added
        evidence.append((length, rows))
    return NgramTable(
        maxlen=lengths[0],
        longest=int(arrays["longest"]),
        held=held,
        evidence=evidence,
        kernel=arrays["kernel"].reshape(numbers, numbers),
        bias=arrays["bias"].reshape(numbers),
    )
