import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.data.text import disk_shuffle as module
from tasks.data.text.disk_shuffle import TokensOnDisk, tokens_in_order
from tasks.data.text.vocabulary import RaggedTokens
from tests.support.review_samples import lists_of, ragged

LISTS = st.lists(st.lists(st.integers(0, 2**31 - 1), max_size=5), min_size=1, max_size=30)


def on_disk(lists: list[list[int]], rows: int) -> TokensOnDisk:
    written = TokensOnDisk()
    for start in range(0, len(lists), rows):
        written.add(ragged(lists[start : start + rows]))
    return written


@given(LISTS, st.integers(1, 7))
def test_what_was_written_is_read_as_often_as_one_likes(lists: list[list[int]], rows: int) -> None:
    written = on_disk(lists, rows)
    assert written.lengths().tolist() == [len(ids) for ids in lists]
    assert lists_of(written) == lists_of(written) == lists


@given(LISTS, st.integers(1, 7), st.integers(1, 7), st.integers(4, 200), st.randoms())
def test_lists_come_in_the_new_order_in_one_part_or_many(
    lists: list[list[int]], rows: int, chunk: int, part_bytes: int, chance: st.DataObject
) -> None:
    order = list(range(len(lists)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    written = on_disk(lists, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PART_BYTES", part_bytes)
        chunks = list(tokens_in_order(written, written.lengths(), np.asarray(order), chunk))
    assert lists_of(chunks) == [lists[row] for row in order]
    assert max(map(len, chunks)) <= chunk


def test_one_part_at_a_time_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PART_BYTES", 400)
    held, take = [], RaggedTokens.take

    def counted(self: RaggedTokens, rows: np.ndarray) -> RaggedTokens:
        held.append(self.ids.nbytes)
        return take(self, rows)

    monkeypatch.setattr(RaggedTokens, "take", counted)
    lists = [[row] * 10 for row in range(500)]
    written = on_disk(lists, 5)
    order = np.random.default_rng(0).permutation(500)
    assert lists_of(tokens_in_order(written, written.lengths(), order, 5)) == [
        lists[r] for r in order
    ]
    assert max(held) <= 400


@given(LISTS, st.data())
def test_lists_are_taken_in_the_chosen_order(lists: list[list[int]], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=12))
    assert lists_of(ragged(lists).take(np.asarray(rows, np.int64))) == [lists[row] for row in rows]
