"""Random generators that depend on (seed, purpose, epoch) and on nothing else.

A resumed epoch thereby draws what the uninterrupted one would have drawn.
"""

import zlib

import numpy as np


def generator(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """Return a NumPy generator for one purpose in one epoch."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), epoch])
