"""The memory of this process: tensors in a pool of their own, all else in one heap.

By itself glibc keeps what was freed in up to eight heaps for each core, and Arrow in further ones
that it does not give back. Tensors of many megabytes and Python's small objects lie side by side
there, and what one step of a flow has freed is of little use to the next.
"""

import ctypes
import gc
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ENVIRONMENT = {"TF_CPU_ALLOCATOR_USE_BFC": "true", "ARROW_DEFAULT_MEMORY_POOL": "system"}

_ARENA_MAX = -8
"""Number of this option in <malloc.h>."""


def keep_memory_together() -> None:
    """Have TensorFlow pool its tensors, and one heap of glibc's for Arrow and all threads.

    What the user has set stays; other C libraries are left as they are. To be called before
    TensorFlow and Arrow are imported and threads start. No result depends on it. See
    https://man7.org/linux/man-pages/man3/mallopt.3.html and
    https://arrow.apache.org/docs/cpp/memory.html
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_ARENA_MAX, 1)


@contextmanager
def without_collection() -> Iterator[None]:
    """Collect no garbage during a block that imports much, and never search what is there then.

    To search all of Prefect again and again takes an eighth of a cached run; to search Keras too,
    a fifth of a second after each step. With Keras imported before there may be models, which are
    to be collected. See https://docs.python.org/3/library/gc.html#gc.freeze
    """
    may_have_models = "keras" in sys.modules
    gc.disable()
    try:
        yield
    finally:
        if not may_have_models:
            gc.freeze()
        gc.enable()


def peak_mib() -> int:
    """Return the most memory that this process has had so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)


def give_back_memory() -> None:
    """Return to the system what nothing uses any more and the heap still holds."""
    if "keras" in sys.modules:
        gc.collect()  # a model refers to itself, and is freed by nothing else
    if "pyarrow" in sys.modules:  # else nothing large was read, and importing it takes time
        sys.modules["pyarrow"].system_memory_pool().release_unused()
