"""Short convolutions by few products are convolutions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.model.kernels.winograd import MOST_PRODUCTS, minimal_filtering

SIZES = [
    (outputs, taps)
    for outputs in range(2, MOST_PRODUCTS)
    for taps in range(2, MOST_PRODUCTS + 2 - outputs)
]


@given(st.sampled_from(SIZES), st.integers(0, 2**16))
def test_few_products_give_the_results_of_a_convolution(sizes: tuple[int, int], seed: int) -> None:
    outputs, taps = sizes
    chance = np.random.default_rng(seed)
    inputs, kernel = chance.normal(size=outputs + taps - 1), chance.normal(size=taps)
    matrices = minimal_filtering(outputs, taps)
    products = (matrices.of_taps @ kernel) * (matrices.of_inputs @ inputs)
    assert len(products) == outputs + taps - 1
    expected = np.correlate(inputs, kernel, "valid")
    np.testing.assert_allclose(matrices.of_products @ products, expected, atol=1e-4)


def test_the_tutorials_convolution_takes_eight_products_for_twenty() -> None:
    matrices = minimal_filtering(outputs=4, taps=5)
    assert matrices.of_inputs.shape == (8, 8)
    assert np.count_nonzero(matrices.of_inputs) == 44
