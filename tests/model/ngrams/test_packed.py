import random
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from tasks.common.errors import BadDataError
from tasks.model.network import ngram_table
from tasks.model.ngrams import packed
from tasks.model.ngrams.packed import LARGEST_ERROR, SMALLEST_STEP, read_packed, write_packed
from tasks.model.ngrams.table import NgramTable
from tests.model.ngrams.test_table import reviews, trained

MAXLEN = 9


def exact_table(folder: Path, **sizes: int) -> NgramTable:
    table = ngram_table(trained(folder / "model.keras", MAXLEN, **sizes))
    assert table
    return table


def again(table: NgramTable, folder: Path) -> NgramTable:
    write_packed(table, folder / "ngrams.npz")
    return read_packed(folder / "ngrams.npz")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[NgramTable, NgramTable]]:
    """Exact networks, each with what is read of it."""
    folder = tmp_path_factory.mktemp("tables")
    exact = [
        exact_table(folder, ngram_words=3, ngram_tail=4),
        exact_table(folder, ngram_words=2, classes=5),
        exact_table(folder, ngram_words=1, ngram_buckets=64, ngram_least_reviews=10_000),
    ]
    # Weights that have no exponent of their own in 16 bits count as well.
    exact[0].evidence[0][1][::3] *= 1e-6
    return [(table, again(table, folder)) for table in exact]


@given(st.integers(0, 2), st.lists(st.integers(0, 39), max_size=MAXLEN))
def test_logits_are_off_by_at_most_what_a_number_of_16_bits_is(
    tables: list[tuple[NgramTable, NgramTable]], place: int, ids: list[int]
) -> None:
    exact, read = tables[place]
    tokens = np.array([[0] * (MAXLEN - len(ids)) + ids], np.int32)
    # The same sums of what each number may be off by, each of them counted in full.
    errors = [
        (length, np.abs(rows) * np.float32(LARGEST_ERROR) + np.float32(SMALLEST_STEP))
        for length, rows in exact.evidence
    ]
    kernel, bias = np.abs(exact.kernel), np.zeros_like(exact.bias)
    bound = replace(exact, evidence=errors, kernel=kernel, bias=bias).logits(tokens)
    assert (np.abs(read.logits(tokens) - exact.logits(tokens)) <= bound * (1 + 1e-5)).all()


def test_the_same_ngrams_are_known_and_nothing_else_is_kept(
    tables: list[tuple[NgramTable, NgramTable]], tmp_path: Path
) -> None:
    for exact, read in tables:
        np.testing.assert_array_equal(read.held[1:], exact.held[1:])
        known = int((exact.held < 1 << 24).sum())
        numbers = sum(rows.shape[1] for _, rows in exact.evidence)
        write_packed(exact, tmp_path / "ngrams.npz")
        with np.load(tmp_path / "ngrams.npz") as arrays:
            largest = sum(arrays[name].nbytes for name in ("filled", "fingerprints", "added"))
        assert largest == -(-len(exact.held) // 8) + (known + 1) * (3 + 2 * numbers)
    assert [bool((exact.held < 1 << 24).any()) for exact, _ in tables] == [True, True, False]


def test_equal_networks_give_equal_files(tmp_path: Path) -> None:
    table = exact_table(tmp_path)
    for name in ("one.npz", "two.npz"):
        write_packed(table, tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_packed(exact_table(tmp_path, ngram_words=2, ngram_tail=4), tmp_path / "ngrams.npz")
    return tmp_path / "ngrams.npz"


def changed(file: Path, **arrays: np.ndarray) -> None:
    with np.load(file) as found:
        kept = {name: found[name] for name in found.files}
    np.savez(file, **(kept | arrays))


def test_a_damaged_file_answers_as_before_or_is_refused(file: Path) -> None:
    chance, whole, asked = random.Random(7), file.read_bytes(), reviews(MAXLEN, 2)
    expected = read_packed(file)(asked)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged[: chance.choice([len(whole), chance.randrange(len(whole))])])
        refused += 1
        with suppress(BadDataError):
            np.testing.assert_array_equal(read_packed(file)(asked), expected)
            refused -= 1
    assert refused > 150


@pytest.mark.parametrize(
    ("name", "array", "said"),
    [
        ("added", np.zeros((3, 2, 1), np.float16), "is damaged"),
        ("filled", np.zeros(3, np.uint8), "is damaged"),
        ("kernel", np.zeros((2, 2), np.float32), "is damaged"),
        ("kernel", np.array([[np.nan]], np.float32), "holds NaN or infinite weights"),
        ("bias", np.array([{}], object), "is damaged"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    file: Path, name: str, array: np.ndarray, said: str
) -> None:
    changed(file, **{name: array})
    with pytest.raises(BadDataError, match=said):
        read_packed(file)


def test_what_unpacks_to_too_much_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(1 << 20))
    with pytest.raises(BadDataError, match=r"bytes, more than the 1,048,576 allowed"):
        read_packed(file)
