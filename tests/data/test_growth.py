"""Memory and time of the stages, for ten times as many reviews."""

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

import tasks.data.tables.plain_blocks
import tasks.data.text.disk_shuffle
from benchmarks.made_reviews import made_up_words, write_corpus
from benchmarks.measure_growth import (
    FLOW,
    STAGES,
    Growth,
    draw_growth,
    measure_size,
    medians,
    table_of,
)
from tasks.config.training import DataConfig, TextConfig
from tests.benchmarks.test_benchmarks import text_of
from tests.support.small_run import write_sets

FEW, MANY = 12_000, 36_000


class Peaks:
    """Most bytes at once: in Arrow's arrays, and in NumPy's and Python's."""

    arrow = python = 0


@contextmanager
def counted_memory() -> Iterator[Peaks]:
    pool, peaks = pa.proxy_memory_pool(pa.system_memory_pool()), Peaks()
    usual = pa.default_memory_pool()
    gc.collect()
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        yield peaks
    finally:
        peaks.arrow, peaks.python = pool.max_memory(), tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        pa.set_memory_pool(usual)


def prepare(folder: Path, reviews: int) -> Peaks:
    """Load, pad and persist made-up reviews of 50 words."""
    folder.mkdir()
    corpus = folder / "corpus.csv"
    write_corpus(corpus, reviews, mean_length=0.2, vocabulary=500)
    with counted_memory() as peaks:
        write_sets(corpus, folder, DataConfig(row_group_rows=512), TextConfig(maxlen=50))
    return peaks


def test_three_times_the_reviews_take_a_few_bytes_each_and_no_tokens_or_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pieces that are small beside even the few reviews.
    monkeypatch.setattr(tasks.data.tables.plain_blocks, "_BLOCK", 1 << 16)
    monkeypatch.setattr(tasks.data.text.corpus, "_CHUNK_BYTES", 1 << 17)
    monkeypatch.setattr(tasks.data.text.disk_shuffle, "_PART_BYTES", 1 << 17)
    few, many = (prepare(tmp_path / str(reviews), reviews) for reviews in (FEW, MANY))
    assert many.arrow < 1.3 * few.arrow
    # The tokens of a review are 200 bytes, its text is about 350.
    assert (many.python - few.python) / (MANY - FEW) < 60


def test_a_corpus_has_its_size_and_both_labels_and_depends_on_its_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_corpus(tmp_path / f"{name}.csv", 300, seed)
    first, again, other = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert first == again != other
    rows = first.decode().splitlines()
    assert len(rows) == 301
    assert {row.rpartition(",")[2] for row in rows[1:]} == {'"neg"', '"pos"'}
    lengths = [row.count(" ") + 1 for row in rows[1:]]
    assert 180 < sum(lengths) / 300 < 300
    words = made_up_words().to_pylist()
    assert len(set(words)) == 60_000


GROWN = [
    Growth("load", 100, 200.0, 80.0, 60.0),
    Growth("load", 100, 220.0, 100.0, 62.0),
    Growth("load", 1000, 231.0, 99.0, 61.0),
]


def test_the_table_of_growth_has_ratios_to_the_smallest_size(tmp_path: Path) -> None:
    rows = medians(GROWN)
    assert rows[0] == Growth("load", 100, 210.0, 90.0, 61.0)
    last = text_of(table_of(rows)).splitlines()[-2]
    cells = [cell.strip() for cell in last.split("│")[1:-1]]
    assert cells == ["load", "1,000", "231", "1.10", "99", "1.10", "61", "1.00"]
    draw_growth(rows, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_memory_stays_and_time_grows_with_the_reviews(tmp_path: Path) -> None:
    few = {row.stage: row for row in measure_size(25_000, tmp_path / "few", repeats=3)}
    many = {row.stage: row for row in measure_size(250_000, tmp_path / "many")}
    assert set(few) == set(many) == set(STAGES)
    for stage, row in many.items():
        # The baselines grow up to their bound, which the few reviews do not reach.
        most = {"baseline": 2.0, FLOW: 1.5}.get(stage, 1.3)
        assert row.peak_mib < most * few[stage].peak_mib
        assert row.cpu_microseconds < 1.2 * few[stage].cpu_microseconds
