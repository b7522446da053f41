import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.epoch_batches import endless_batches, epoch_batches, steps_per_epoch


def rows_of(n: int, size: int, seed: int, epoch: int) -> list[list[int]]:
    tokens, labels = np.arange(n)[:, None], np.arange(n)[:, None]
    batches = epoch_batches(tokens, labels, batch_size=size, seed=seed, epoch=epoch)
    return [tokens[:, 0].tolist() for tokens, _ in batches]


@given(n=st.integers(1, 50), size=st.integers(1, 60), seed=st.integers(0, 9))
def test_an_epoch_has_every_review_once(n: int, size: int, seed: int) -> None:
    batches = rows_of(n, size, seed, 0)
    assert sorted(row for batch in batches for row in batch) == list(range(n))
    assert len(batches) == steps_per_epoch(n, size)


def test_the_order_depends_on_seed_and_epoch_and_nothing_else() -> None:
    assert rows_of(40, 8, 0, 3) == rows_of(40, 8, 0, 3)
    assert rows_of(40, 8, 0, 3) != rows_of(40, 8, 0, 4)
    assert rows_of(40, 8, 0, 3) != rows_of(40, 8, 1, 3)


def test_labels_stay_with_their_reviews() -> None:
    tokens, labels = np.arange(40)[:, None], np.arange(40)[:, None] * 2
    for some, their in epoch_batches(tokens, labels, batch_size=7, seed=0, epoch=0):
        assert (some * 2 == their).all()


def test_endless_batches_go_on_with_the_next_epoch() -> None:
    tokens = np.arange(10)[:, None]
    batches = endless_batches(tokens, tokens, batch_size=5, seed=0, first_epoch=2)
    seen = [next(batches)[0][:, 0].tolist() for _ in range(4)]
    assert seen == rows_of(10, 5, 0, 2) + rows_of(10, 5, 0, 3)
