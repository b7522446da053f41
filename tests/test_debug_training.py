"""Debug modes find mistakes in seconds, and leave nothing that could pass for a run."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from flows.cli import train
from flows.cli.app import main
from tasks import debug_training, steps
from tasks.common.artifact_store import ArtifactStore
from tasks.config.request import DebugMode
from tasks.config.training import DataConfig, SourceConfig, Step
from tasks.data.review_files import read_column
from tasks.data.text.tokenization import BY_WORDS
from tests.support.samples.three_labels import LABELS, write_three_labels
from tests.support.small_run import SMALL_OPTIONS, write_reviews

EXAMPLE = Path(__file__).parents[1] / "examples/networks/mean_of_words.py"

BAG = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL_OPTIONS.items()]

pytestmark = pytest.mark.usefixtures("nothing_trusted")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the temporary folders of this process are."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def debugged(file: Path, mode: DebugMode, *options: str) -> Path:
    """Debug a training and return its artifacts folder."""
    artifacts = file.parent / "artifacts"
    asked = [f"--train-file={file}", f"--debug={mode}", f"--artifacts={artifacts}", *options]
    main(train.app, [*asked, "--accelerator=cpu", "--batch-size=16"])
    return artifacts


def files_in(folder: Path) -> set[str]:
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.endswith(".lock")}


def kept_in(temporary: Path) -> set[str]:
    """Return what debugging left there; the libraries that it uses may leave files of their own."""
    return {name for name in files_in(temporary) if name.startswith("sentiment-")}


def test_a_batch_is_learned_by_heart(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_reviews(tmp_path / "reviews.csv", 200)
    artifacts = debugged(file, "overfit", "--learning-rate=0.1", *BAG)
    shown = capsys.readouterr().out
    assert re.match(r"holds  learns one batch by heart .*the network can learn\n", shown)
    assert files_in(artifacts) | kept_in(temporary) == set()


def test_a_network_that_learns_nothing_is_told_with_what_to_look_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, place = tmp_path / "my_net.py", "            layers.Dense(data.outputs"
    stuck = "            layers.Dense(1, trainable=False, kernel_initializer='zeros'),"
    file.write_text(EXAMPLE.read_text().replace(place, f"{stuck}\n{place}"))
    reviews = write_reviews(tmp_path / "reviews.csv", 200)
    with pytest.raises(SystemExit) as ended:
        debugged(reviews, "overfit", f"--network={file}:build")
    shown, error = capsys.readouterr()
    assert "FAILS  learns one batch by heart" in shown
    assert "a layer that passes on no gradient" in shown
    assert error == "error: --debug overfit found a mistake, told above: fix it, and try again\n"
    assert ended.value.code == 1


@pytest.mark.parametrize("options", [BAG, [f"--network={EXAMPLE}:build"]])
def test_each_step_is_taken_once_and_leaves_a_report_and_no_model(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    file = write_three_labels(tmp_path / "reviews.csv", 300)
    artifacts = debugged(file, "one-step", *options)
    shown = capsys.readouterr().out
    names = re.findall(r"^holds  ([\w-]+)", shown, re.MULTILINE)
    assert names == [*get_args(Step), "report"]
    assert files_in(artifacts) == set()
    (report,) = kept_in(temporary)
    assert report in shown
    page = (temporary / report).read_text()
    assert "on debug-train.csv, seed 0</h1>" in page
    assert "Judged mixed" in page


def test_the_step_that_fails_is_the_last_one_that_is_told(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "my_net.py"
    file.write_text("def build(data):\n    return 1 / 0\n")
    reviews = write_reviews(tmp_path / "reviews.csv", 200)
    with pytest.raises(SystemExit):
        debugged(reviews, "one-step", f"--network={file}:build")
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("FAILS  build")
    assert "division by zero" in last
    assert kept_in(temporary) == set()


def test_the_time_of_a_step_is_told_and_its_trace_can_be_read(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts = debugged(write_reviews(tmp_path / "reviews.csv", 400), "profile", *BAG)
    shown = capsys.readouterr().out
    assert re.match(r"holds  5 steps profiled .*: a step of 16 reviews takes \d+ ms", shown)
    assert re.search(r"fast_training\S* +\d+\.\d +\d+ %", shown)
    assert files_in(artifacts) == set()
    (trace,) = kept_in(temporary)
    assert trace in shown
    assert {"name", "ts", "dur"} < set(json.loads((temporary / trace).read_text())[0])


@pytest.mark.parametrize("option", ["--promote", "--plan", "--check-drift"])
def test_what_needs_a_run_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(train.app, ["--debug=overfit", option])
    assert ended.value.code == 2
    assert "--debug leaves no run" in capsys.readouterr().err


def test_they_are_training_reviews_and_rare_labels_are_there_as_often_as_others(
    tmp_path: Path,
) -> None:
    file = write_three_labels(tmp_path / "reviews.csv", 900, times_first=10)
    store = ArtifactStore(tmp_path / "artifacts").open()
    files = steps.fetch(store, SourceConfig(train_file=file))
    loaded = steps.load(store, files, DataConfig(), BY_WORDS)
    sample = debug_training._sample(store, loaded, 60, tmp_path)
    tables = [file for file in (sample.train_file, sample.test_file) if isinstance(file, Path)]
    lines = [line for file in tables for line in file.read_text().splitlines()[1:]]
    numbers = {int(re.findall(r"(\d+),", line)[0]) for line in lines}  # each text ends with its own
    assert numbers <= set(read_column(store.file(loaded, "train.parquet"), "review_id").tolist())
    for table in tables:
        rows = table.read_text().splitlines()[1:]
        counts = Counter(line.rpartition(",")[2] for line in rows)
        assert counts == dict.fromkeys(LABELS, 20)
