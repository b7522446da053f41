from collections.abc import Sequence
from itertools import chain, islice

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.seeds import generator
from tasks.config.training import FitConfig
from tasks.training.batch_order import (
    buffered_groups,
    endless_batches,
    epoch_batches,
    steps_per_epoch,
)
from tasks.training.row_groups import RowGroups


class CountedReviews(RowGroups):
    """Reviews whose tokens are their numbers; keeps account of what is held."""

    def __init__(self, rows: list[int]) -> None:
        """Take the reviews of each row group."""
        self.rows = rows
        self.decoded: list[list[int]] = []
        self.most_held = 0

    def hold(self, groups: Sequence[int]) -> None:
        ends = np.cumsum(self.rows)
        self._numbers = np.concatenate(
            [np.arange(ends[group] - self.rows[group], ends[group]) for group in groups]
        )
        self.decoded.append(list(groups))
        self.most_held = max(self.most_held, len(self._numbers))

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbers = self._numbers[rows][:, None]
        return numbers, numbers * 2


def shuffled(seed: int, buffer: int, size: int) -> FitConfig:
    return FitConfig(seed=seed, shuffle_buffer=buffer, batch_size=size)


def numbers_of(
    rows: list[int], fit: FitConfig, epoch: int = 0, first_step: int = 0
) -> list[list[int]]:
    batches = list(epoch_batches(CountedReviews(rows), fit, epoch, first_step))
    assert all((tokens * 2 == labels).all() for tokens, labels in batches)
    return [tokens[:, 0].tolist() for tokens, _ in batches]


GROUPS = st.lists(st.integers(0, 12), min_size=1, max_size=9).filter(sum)

SHUFFLES = st.builds(shuffled, st.integers(0, 9), st.integers(1, 70), st.integers(1, 30))


@given(GROUPS, SHUFFLES, st.integers(0, 9))
def test_an_epoch_has_every_review_once_in_whole_batches(
    rows: list[int], fit: FitConfig, epoch: int
) -> None:
    batches = numbers_of(rows, fit, epoch)
    assert sorted(number for batch in batches for number in batch) == list(range(sum(rows)))
    assert len(batches) == steps_per_epoch(sum(rows), fit.batch_size)
    assert {len(batch) for batch in batches[:-1]} <= {fit.batch_size}


@given(GROUPS, SHUFFLES, st.integers(0, 9), st.data())
def test_an_epoch_that_is_begun_at_any_step_has_the_rest_of_the_same_batches(
    rows: list[int], fit: FitConfig, epoch: int, data: st.DataObject
) -> None:
    whole = numbers_of(rows, fit, epoch)
    step = data.draw(st.integers(0, len(whole)))
    assert numbers_of(rows, fit, epoch, step) == whole[step:]


@given(GROUPS, SHUFFLES, st.integers(0, 9), st.data())
def test_what_is_passed_over_is_not_decoded(
    rows: list[int], fit: FitConfig, epoch: int, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, steps_per_epoch(sum(rows), fit.batch_size)))
    reviews = CountedReviews(rows)
    rest = [batch for batch, _ in epoch_batches(reviews, fit, epoch, step)]
    buffers = buffered_groups(rows, fit, epoch)
    ends = np.cumsum([sum(rows[group] for group in groups) for groups in buffers]).tolist()
    begins = step * fit.batch_size
    needed = [
        groups
        for groups, end in zip(buffers, ends, strict=True)
        if end > begins and any(rows[group] for group in groups)
    ]
    assert reviews.decoded == (needed if rest else [])


@given(GROUPS, SHUFFLES, st.integers(0, 9))
def test_at_most_buffer_or_group_is_held(rows: list[int], fit: FitConfig, epoch: int) -> None:
    reviews = CountedReviews(rows)
    assert list(epoch_batches(reviews, fit, epoch))
    assert reviews.most_held <= max(fit.shuffle_buffer, *rows, 0)


@given(GROUPS, st.integers(1, 30), st.integers(0, 9), st.integers(0, 9), st.integers(0, 20))
def test_a_set_that_fits_into_the_buffer_is_permuted_as_a_whole(
    rows: list[int], size: int, seed: int, epoch: int, more: int
) -> None:
    batches = numbers_of(rows, shuffled(seed, sum(rows) + more, size), epoch)
    permuted = generator(seed, "shuffle", epoch).permutation(sum(rows))
    assert [number for batch in batches for number in batch] == permuted.tolist()


def test_the_order_depends_on_seed_and_epoch_and_nothing_else() -> None:
    rows, orders = [5] * 8, []
    for seed, epoch in ((0, 3), (0, 4), (1, 3)):
        order = numbers_of(rows, shuffled(seed, 12, 8), epoch)
        assert numbers_of(rows, shuffled(seed, 12, 8), epoch) == order
        orders.append(order)
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_row_groups_are_held_together_with_other_ones_in_each_epoch() -> None:
    fit = shuffled(0, 30, 8)
    buffers = [buffered_groups([10] * 9, fit, epoch) for epoch in range(20)]
    assert all(sorted(chain.from_iterable(part)) == list(range(9)) for part in buffers)
    assert {len(groups) for part in buffers for groups in part} == {3}
    assert len({tuple(map(tuple, part)) for part in buffers}) == 20


def test_a_file_sorted_by_label_is_mixed_by_a_buffer_of_a_tenth() -> None:
    fit = shuffled(0, 2560, 64)
    labels = np.repeat([0, 1], 400 * 32)
    shares = [labels[batch].mean() for batch in numbers_of([64] * 400, fit)]
    # Forty random groups in a buffer, 64 random reviews of them in a batch.
    assert np.std(shares) < 1.2 * np.sqrt(0.25 / 40 + 0.25 / 64)


def test_endless_batches_go_on_with_the_next_epoch() -> None:
    rows, fit = [4, 3, 3], shuffled(0, 7, 5)
    batches = endless_batches(CountedReviews(rows), fit, first_epoch=2, first_step=1)
    seen = [tokens[:, 0].tolist() for tokens, _ in islice(batches, 3)]
    assert seen == numbers_of(rows, fit, 2, 1) + numbers_of(rows, fit, 3)
