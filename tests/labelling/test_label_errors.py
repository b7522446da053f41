from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.data.review_files import write_parquet
from tasks.data.split import fold_numbers
from tasks.labelling.label_errors import bayes_judge, doubted_labels, out_of_fold, together
from tests.support.review_samples import fake_ranks, review_batch


def write_set(path: Path, rows: int, *, units: int | None = None) -> np.ndarray:
    """Write reviews of which one word tells the label, or where there are units nothing does."""
    labels = np.arange(rows) % 2
    lists = [
        [1, *(rank + 10 for rank in ranks), *([] if units else [4 + row % 2])]
        for row, ranks in enumerate(fake_ranks(rows, 30, 0))
    ]
    batch = review_batch(lists, labels.tolist())
    if units:
        place = batch.schema.get_field_index("unit")
        of_unit = pa.array(np.arange(rows) % units, pa.uint64())
        batch = batch.set_column(place, batch.schema.field(place), of_unit)
    write_parquet(path, [batch], {}, 64)
    return labels


def test_planted_errors_are_the_most_doubtful_rows(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    labels = write_set(path, 400)
    wrong = np.random.default_rng(0).choice(400, 12, replace=False)
    labels[wrong] = 1 - labels[wrong]
    table = pq.read_table(path)
    given = pa.array(labels, pa.int8())
    pq.write_table(table.set_column(1, table.schema.field("label"), given), path)
    probabilities = out_of_fold(path, ["bad", "good"], 5, bayes_judge("words"))
    doubted = doubted_labels(probabilities, labels, table["length"].to_numpy())
    assert len(set(doubted.rows[:12].tolist()) & set(wrong.tolist())) >= 11
    assert (doubted.suggested[:11] == 1 - labels[doubted.rows[:11]]).all()
    assert 10 <= doubted.wrong <= 16


def test_a_group_is_in_one_fold_so_that_knowing_it_tells_nothing(tmp_path: Path) -> None:
    units = np.arange(1000, dtype=np.uint64) % 40
    numbers = fold_numbers(units, 5)
    assert all(len(set(numbers[units == unit].tolist())) == 1 for unit in range(40))
    assert set(numbers.tolist()) == set(range(5))
    # Each unit has one label and nothing else tells it: who had seen the unit would know it.
    labels = write_set(tmp_path / "train.parquet", 400, units=20)
    path = tmp_path / "train.parquet"
    probabilities = out_of_fold(path, ["bad", "good"], 5, bayes_judge("words"))
    right = probabilities.argmax(axis=1) == labels
    assert right.mean() < 0.65


def test_a_label_that_one_fold_has_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    write_set(path, 40)
    with pytest.raises(BadDataError, match="'mixed': has reviews in one of 5 folds alone"):
        out_of_fold(path, ["bad", "good", "mixed"], 5, bayes_judge("words"))


@given(st.integers(0, 2**32), st.integers(2, 4))
def test_the_log_odds_of_two_judges_are_averaged_the_network_counting_twice(
    seed: int, classes: int
) -> None:
    bayes, network = (
        np.random.default_rng(seed).dirichlet(np.ones(classes), (2, 5)) * 0.9 + 0.1 / classes
    )
    mean = together(bayes, network)
    assert mean.sum(axis=1) == pytest.approx(1)
    assert together(bayes, bayes) == pytest.approx(bayes)
    of_first = [np.log(one) - np.log(one[:, :1]) for one in (bayes, network, mean)]
    assert of_first[2] == pytest.approx((of_first[0] + 2 * of_first[1]) / 3)


def test_a_judge_that_is_wholly_sure_leaves_the_other_a_say() -> None:
    sure, unsure = np.array([[0.0, 1.0]]), np.array([[0.6, 0.4]])
    both = together(unsure, sure)
    assert np.isfinite(both).all()
    assert 0 < both[0, 0] < both[0, 1] < 1
    assert both[0, 1] < together(1 - unsure, sure)[0, 1]


def test_doubted_are_labels_against_which_a_class_is_as_sure_as_usual() -> None:
    of_one = np.array([0.9, 0.8, 0.95, 0.1, 0.2, 0.9, 0.4, 0.6])
    labels = np.array([1, 1, 0, 0, 0, 1, 1, 0])
    doubted = doubted_labels(np.stack([1 - of_one, of_one], 1), labels, np.full(8, 10))
    # The usual surety of 1 is 0.75 and of 0 0.5375: 0.6 for label 1 is not sure enough.
    assert doubted.rows.tolist() == [2, 6]
    assert doubted.suggested.tolist() == [1, 0]
    assert doubted.scores.tolist() == pytest.approx([0.05, 0.4])
    # Of label 0 one of 3 sure reviews of 4, of label 1 one of 4 of 4.
    assert doubted.wrong == round(4 / 3 + 1)


def test_of_equal_probabilities_the_shorter_review_is_the_more_doubtful() -> None:
    of_one = np.array([0.1, 0.2, 0.99, 0.99, 0.9, 0.8])
    labels = np.array([0, 0, 0, 0, 1, 1])
    lengths = np.array([9, 9, 900, 9, 9, 9])
    assert doubted_labels(np.stack([1 - of_one, of_one], 1), labels, lengths).rows.tolist() == [
        3,
        2,
    ]
