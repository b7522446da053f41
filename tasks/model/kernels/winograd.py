"""Matrices by which a short convolution needs fewer multiplications, if a few more additions."""

from dataclasses import dataclass

import numpy as np

_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Where the polynomials are evaluated; a further point is infinity. Rounding grows with them."""

MOST_PRODUCTS = len(_POINTS) + 1


@dataclass(frozen=True)
class Filtering:
    """How `outputs` neighbouring results are computed by `outputs + taps - 1` products.

    `of_inputs` (products, products) is applied to the neighbouring inputs, `of_taps` (products,
    taps) to the kernel, `of_products` (outputs, products) to the products.
    """

    of_inputs: np.ndarray
    of_taps: np.ndarray
    of_products: np.ndarray


def minimal_filtering(outputs: int, taps: int) -> Filtering:
    """Return the float32 matrices of the Toom-Cook algorithm, as Winograd's filtering uses it.

    output = of_products @ ((of_taps @ kernel) * (of_inputs @ input)), where output t is the sum
    over k of kernel[k] * input[t + k]. Done one by one, it takes outputs * taps products; of both
    there may be MOST_PRODUCTS + 1 together. See A. Lavin and S. Gray, "Fast Algorithms for
    Convolutional Neural Networks", CVPR 2016 (https://arxiv.org/abs/1509.09308).
    """
    products = outputs + taps - 1
    points = np.array(_POINTS[: products - 1])
    of_inputs = np.zeros((products, products))
    scales = np.ones(products)
    for place, point in enumerate(points):
        others = np.delete(points, place)
        of_inputs[place, :-1] = np.poly(others)[::-1]
        scales[place] = np.prod(point - others)
    of_inputs[-1] = np.poly(points)[::-1]
    of_taps = _powers(points, taps) / scales[:, None]
    of_products = _powers(points, outputs).T
    return Filtering(*(part.astype("float32") for part in (of_inputs, of_taps, of_products)))


def _powers(points: np.ndarray, count: int) -> np.ndarray:
    """Return the powers of all points and, for infinity, that only the highest one counts."""
    return np.vstack([np.vander(points, count, increasing=True), np.eye(count)[-1]])
