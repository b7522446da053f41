"""A function of tensors as machine code for this processor, made by XLA.

It pays for many small operations on the same numbers, which XLA makes one pass over the memory
of. Large matrix products are quicker by TensorFlow's own operations.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf

P = ParamSpec("P")
T = TypeVar("T")


@functools.cache
def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function, compiled for each shape of the tensors that it is called with.

    Arguments that are no tensors are constants of the code. For graphs: where operations run one
    by one, a gradient tape would look into the function. See https://openxla.org/xla
    """
    result: Callable[P, T] = tf.function(function, jit_compile=True, autograph=False)
    return result
