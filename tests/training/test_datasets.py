from collections.abc import Iterator
from itertools import count, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.seeds import generator
from tasks.config.training import FitConfig
from tasks.data.review_files import read_labels, write_parquet
from tasks.training.datasets import NumberedBatches, ordered_dataset, shuffled_dataset
from tasks.training.row_groups import RowGroups
from tests.support.review_samples import padded_tokens, review_batch

ROWS = 50

Batch = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reviews") / "train.parquet"
    lists = [[row, 2 * row, 3 * row] for row in range(ROWS)]
    write_parquet(path, [review_batch(lists)], {}, 8)
    return path


@given(st.lists(st.integers(0, 6), min_size=1, unique=True), st.data())
def test_held_row_groups_have_the_rows_of_the_file(
    file: Path, groups: list[int], data: st.DataObject
) -> None:
    numbers = np.concatenate([np.arange(8 * group, min(8 * group + 8, ROWS)) for group in groups])
    places = data.draw(st.lists(st.integers(0, len(numbers) - 1), max_size=9))
    with RowGroups(file) as reviews:
        assert reviews.rows == [8] * 6 + [2]
        reviews.hold(groups)
        tokens, labels = reviews.take(np.asarray(places, np.int64))
    assert (tokens == padded_tokens(file)[numbers[places]]).all()
    assert (labels[:, 0] == read_labels(file)[numbers[places]]).all()
    assert tokens.dtype == np.int32
    assert labels.dtype == np.float32


def test_training_batches_of_a_small_set_are_a_permutation_of_the_file(file: Path) -> None:
    dataset = shuffled_dataset(file, FitConfig(seed=3, shuffle_buffer=ROWS, batch_size=20), 1, 0)
    batches = list(islice(dataset.as_numpy_iterator(), 3))
    order = generator(3, "shuffle", 1).permutation(ROWS)
    assert [len(labels) for _, labels in batches] == [20, 20, 10]
    assert (np.concatenate([tokens for tokens, _ in batches]) == padded_tokens(file)[order]).all()
    assert dataset.element_spec[0].shape == (None, 3)


@pytest.mark.parametrize("datasets", [1, 2])
def test_two_passes_through_reviews_do_not_disturb_each_other(file: Path, datasets: int) -> None:
    fit = FitConfig(seed=0, shuffle_buffer=16, batch_size=7)
    made = [shuffled_dataset(file, fit, 1, 3) for _ in range(datasets)]
    alone = list(islice(made[0].as_numpy_iterator(), 40))
    passes = [made[0].as_numpy_iterator(), made[-1].as_numpy_iterator()]
    seen = [0, 0]
    for turn in [0] * 20 + [1] * 3 + [0, 1] * 18:
        for found, expected in zip(next(passes[turn]), alone[seen[turn]], strict=True):
            assert (found == expected).all()
        seen[turn] += 1


@given(st.lists(st.integers(0, 12), max_size=30))
def test_a_batch_depends_on_its_number_and_a_stream_is_opened_once(numbers: list[int]) -> None:
    opened = []

    def stream_from(number: int) -> Iterator[Batch]:
        opened.append(number)
        return ((np.array([place]), np.array([-place])) for place in count(number))

    batch = NumberedBatches(stream_from)
    assert [batch(number)[0][0] for number in numbers] == numbers
    assert opened == [
        number for last, number in pairwise([None, *numbers]) if last is None or number != last + 1
    ]


def test_after_a_stream_that_failed_the_next_one_begins_where_it_is_asked_to() -> None:
    def stream_from(number: int) -> Iterator[Batch]:
        if number == 0:
            raise OSError("the disk is gone")
        yield np.array([number]), np.array([number])

    batch = NumberedBatches(stream_from)
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is gone"):
            batch(0)
        assert batch(1)[0] == [1]


@settings(max_examples=5)
@given(st.integers(1, 60))
def test_validation_and_test_reviews_come_once_in_the_files_order(file: Path, size: int) -> None:
    dataset = ordered_dataset(file, size)
    for _ in range(2):
        batches = list(dataset.as_numpy_iterator())
        assert len(batches) == dataset.cardinality().numpy()
        assert {len(labels) for _, labels in batches[:-1]} <= {size}
        assert (np.concatenate([tokens for tokens, _ in batches]) == padded_tokens(file)).all()
        labels = np.concatenate([labels for _, labels in batches])
        assert (labels[:, 0] == read_labels(file)).all()
