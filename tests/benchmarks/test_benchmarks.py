import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from benchmarks import compare_epochs, compare_inference, compare_training, measure_sweep
from benchmarks.make_npz import write_npz
from benchmarks.paired import ChildFailedError, Spread, ratios, run_child, turn_order
from tasks.common.artifact_store import ArtifactStore
from tasks.data.review_files import review_schema, write_parquet
from tests.support.small_run import BAG

# By review id: start, words of rank 1 to 4, a word that the vocabulary does not hold.
REVIEWS = [[1, 4, 5], [1, 7], [1, 6, 2, 4, 4], [1, 2, 5]]

WITHOUT_UNKNOWN = [[1, 4, 5], [1, 7], [1, 6, 4, 4], [1, 5]]

LABELS = [0, 0, 1, 1]


def write_loaded(folder: Path) -> Path:
    """Write what the `load` step leaves, in another order than the source's."""
    rows = [2, 0, 3, 1]
    columns = [
        pa.array(rows, pa.int32()),
        pa.array([LABELS[row] for row in rows], pa.int8()),
        pa.array([REVIEWS[row] for row in rows], review_schema().field("tokens").type),
        pa.array([len(REVIEWS[row]) for row in rows], pa.int32()),
        pa.array([REVIEWS[row].count(2) for row in rows], pa.int32()),
        *[pa.array(rows, pa.uint64())] * 2,
    ]
    batch = pa.record_batch(columns, schema=review_schema())
    for split in ("train", "test"):
        write_parquet(folder / f"{split}.parquet", [batch], {}, 4)
    return folder


def text_of(table: Any) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_keras_reads_the_npz_as_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from keras.src.datasets import imdb

    npz = tmp_path / "imdb.npz"
    write_npz(write_loaded(tmp_path), npz)
    monkeypatch.setattr(imdb, "get_file", lambda **_: str(npz))
    for x, y in imdb.load_data(num_words=10_000):
        read = sorted(zip(x.tolist(), y.tolist(), strict=True))
        assert read == sorted(zip(WITHOUT_UNKNOWN, LABELS, strict=True))


def test_ratios_are_taken_pair_by_pair() -> None:
    assert ratios([2.0, 9.0], [4.0, 3.0]) == [0.5, 3.0]
    with pytest.raises(ValueError, match="longer"):
        ratios([1.0], [1.0, 2.0])


def test_a_spread_names_median_and_range() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(median=2.0, low=1.0, high=3.0)
    assert Spread.of([0.5]).text(2) == "0.50 (0.50 to 0.50)"


def test_each_round_begins_with_the_next_side() -> None:
    orders = [turn_order(["a", "b", "c"], turn) for turn in range(4)]
    assert ["".join(order) for order in orders] == ["abc", "bca", "cab", "abc"]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_child_process_is_measured() -> None:
    waits = "bytearray(60_000_000); import time; time.sleep(0.5)"
    # The memory is that of a process which the measured one starts.
    starts = f"import subprocess; subprocess.run([sys.executable, '-c', 'x = {waits}'])"
    child = run_child([sys.executable, "-c", f"import sys; {starts}; sys.stdout.write('done')"])
    assert child.output == "done"
    assert child.seconds > 0.5
    assert min(child.largest_process_mib, child.tree_mib) > 57


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_failed_child_process_is_an_error_with_its_last_lines() -> None:
    with pytest.raises(ChildFailedError, match=r"status 3: (.|\n)*no such file"):
        run_child([sys.executable, "-c", "import sys; sys.stderr.write('no such file'); exit(3)"])


def test_the_accuracy_is_read_from_either_sides_output() -> None:
    plain = "epoch 1 accuracy: 0.5\nTest Accuracy: 0.8796\n"
    pipeline = "Test Accuracy: 0.8757 (95 % interval 0.8716 to 0.8797; tutorial protocol)\n"
    assert compare_training.reported_accuracy(plain) == 0.8796
    assert compare_training.reported_accuracy(pipeline) == 0.8757
    with pytest.raises(ChildFailedError, match="no test accuracy"):
        compare_training.reported_accuracy("Test Accuracy: unknown")


def test_a_fresh_folder_gets_the_downloads_and_no_cache(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts").open()
    (store.downloads / "a.whl").write_bytes(b"texts")
    (store.objects / "result").write_bytes(b"cached")
    fresh = tmp_path / "fresh"
    compare_training.link_downloads(store.root, fresh)
    files = [path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()]
    assert files == [Path("cache/downloads/a.whl")]


def test_the_training_table_shows_medians_ratios_and_accuracies() -> None:
    def rows(seconds: list[float], accuracy: float) -> list[dict[str, Any]]:
        return [
            dict.fromkeys(compare_training.FIGURES, s) | {"accuracy": accuracy} for s in seconds
        ]

    measured = {
        compare_training.PLAIN: rows([100, 200], 0.8796),
        compare_training.PIPELINE: rows([110, 180], 0.8757),
    }
    text = text_of(compare_training.table_of(measured))
    for part in ("150 (100 to 200)", "145 (110 to 180)", "1.00 (0.90 to 1.10)", "0.8757 0.8757"):
        assert part in text


def test_the_inference_table_shows_how_many_times_as_fast_ours_is() -> None:
    seconds = {"keras": [2.0, 4.0], "ours": [1.0, 1.0], "keras texts": [3.0], "ours texts": [1.0]}
    measured = {"reviews": 100, "seconds": seconds}
    lines = text_of(compare_inference.table_of(measured)).splitlines()
    (ours,) = (line for line in lines if "ours on padded" in line)
    assert "100 (100 to 100)" in ours
    assert "3.00 (2.00 to 4.00)" in ours


def test_the_table_of_epochs_relates_each_side_to_the_script_and_to_the_arithmetic() -> None:
    def row(seconds: float, cpu: float) -> dict[str, float]:
        return {"seconds": seconds, "cpu_seconds": cpu}

    rows = {
        "plain": [row(10, 20), row(20, 20)],
        "fast": [row(5, 15), row(8, 10)],
        "multiply": [{"per_cpu_second": 1066e5}] * 2,
    }
    lines = text_of(compare_epochs.table_of(rows, reviews=5, validation=0)).splitlines()
    (ours,) = (line for line in lines if "ours, fast" in line)
    for part in ("0.45 (0.40 to", "0.62 (0.50 to", "2.5 (2.0 to"):
        assert part in " ".join(ours.split())


def test_the_table_of_a_sweep_parts_training_from_the_rest_and_relates_the_workers() -> None:
    def cost(workers: str, seconds: float) -> measure_sweep.SweepCost:
        return measure_sweep.SweepCost(workers, 4, seconds, [20.0, 22.0], [8.0, 10.0])

    console = Console(width=200, record=True, file=io.StringIO())
    measure_sweep.show(
        [cost("1", 120), cost("2", 60), cost("2", 80), cost("1", 120)], "dask", console
    )
    shown = console.export_text()
    assert "21.0 (20.0 to 22.0)" in shown
    assert "9.0 (8.0 to 10.0)" in shown
    assert "two workers are 1.75 (1.50 to 2.00) times as quick" in shown


def test_the_second_epoch_is_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare_epochs, "ConvBilstmConfig", lambda: BAG)
    compare_epochs.time_side("keras", reviews=64, validation=8)
    printed = json.loads(capsys.readouterr().out)
    assert printed["seconds"] > 0
    assert printed["cpu_seconds"] > 0
