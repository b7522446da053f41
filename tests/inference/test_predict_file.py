import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.cli.app import main
from flows.cli.predict import app, print_summary
from tasks.common.errors import BadDataError
from tasks.data.tables.fields import DEFAULT, ReadOptions
from tasks.inference.open_model import open_predictor
from tasks.inference.predict_file import PredictionSummary, predict_file
from tasks.inference.predictor import Predictor
from tests.support.commands import imported_by
from tests.support.made_models import WORDS, make_model_run
from tests.support.review_samples import read_file, write_file

ROOT = Path(__file__).parents[2]

SCRIPT = [sys.executable, str(ROOT / "flows/predict_flow.py")]

TEXTS = [f"{WORDS[n % len(WORDS)]} film number {n}" for n in range(50)]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    make_model_run(folder)
    return folder


@pytest.fixture(scope="module")
def predictor(artifacts: Path) -> Predictor:
    return open_predictor(artifacts)


def finish(predictor: Predictor, file: Path, output: Path, rows: int = 8) -> PredictionSummary:
    *_, last = predict_file(predictor, file, "text", output, rows, DEFAULT)
    assert isinstance(last, PredictionSummary)
    return last


def stop_after(
    chunks: int,
    predictor: Predictor,
    file: Path,
    output: Path,
    rows: int = 8,
    reading: ReadOptions = DEFAULT,
) -> None:
    """Predict so many chunks of a file as a job that is stopped then."""
    steps = predict_file(predictor, file, "text", output, rows, reading)
    for _ in range(chunks):
        next(steps)
    steps.close()


@pytest.mark.parametrize("output", ["o.parquet", "o.jsonl", "o.csv"])
@pytest.mark.parametrize("source", ["r.csv", "r.jsonl", "r.parquet"])
def test_every_row_of_a_file_has_its_row_in_the_output(
    tmp_path: Path, predictor: Predictor, source: str, output: str
) -> None:
    file = write_file(tmp_path / source, {"n": range(50), "text": TEXTS})
    summary = finish(predictor, file, tmp_path / output)
    rows = read_file(tmp_path / output)
    assert [int(row["row"]) for row in rows] == list(range(50))
    expected = predictor.predict(TEXTS)["probability"].to_pylist()
    assert [float(row["probability"]) for row in rows] == pytest.approx(expected, abs=1e-6)
    assert (summary.rows, summary.chunks, summary.chunks_kept) == (50, 7, 0)
    assert sum(summary.labels.values()) == 50
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_stopped_job_resumes_with_the_chunks_that_it_has(
    tmp_path: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_file(tmp_path / "r.jsonl", {"text": TEXTS})
    whole, output = tmp_path / "whole.csv", tmp_path / "o.csv"
    finish(predictor, file, whole)
    stop_after(3, predictor, file, output)
    assert not output.exists()
    computed: list[int] = []
    predict = predictor.predict_rows

    def watched(rows: pa.RecordBatch) -> pa.RecordBatch:
        computed.append(len(rows))
        return predict(rows)

    monkeypatch.setattr(predictor, "predict_rows", watched)
    assert finish(predictor, file, output).chunks_kept == 3
    assert computed == [8, 8, 8, 2]
    assert output.read_bytes() == whole.read_bytes()


def test_chunks_of_another_input_are_not_used(tmp_path: Path, predictor: Predictor) -> None:
    file = write_file(tmp_path / "r.jsonl", {"text": TEXTS})
    stop_after(1, predictor, file, tmp_path / "o.csv")
    write_file(file, {"text": TEXTS[::-1]})
    assert finish(predictor, file, tmp_path / "o.csv").chunks_kept == 0


def test_an_input_that_changes_gives_no_output(tmp_path: Path, predictor: Predictor) -> None:
    file = write_file(tmp_path / "r.jsonl", {"text": TEXTS})
    steps = predict_file(predictor, file, "text", tmp_path / "o.csv", 8, DEFAULT)
    next(steps)
    with file.open("a") as more:
        more.write('{"text": "more"}\n')
    with pytest.raises(BadDataError, match="was changed while it was read; start again"):
        list(steps)
    assert not (tmp_path / "o.csv").exists()


def command(
    artifacts: Path, *arguments: str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    words = [*SCRIPT, f"--artifacts={artifacts}", *arguments]
    return subprocess.run(words, input=stdin, capture_output=True, check=False)


def test_texts_are_answered_without_tensorflow_or_prefect_and_nothing_is_kept_at_home(
    artifacts: Path, tmp_path: Path
) -> None:
    code = (
        f"import os; os.environ['HOME'] = {str(tmp_path)!r}\nfrom flows.cli import app, predict\n"
    )
    code += f"app.main(predict.app, ['fine', '--artifacts', {str(artifacts)!r}])"
    assert not {"tensorflow", "keras", "prefect", "pandas"} & imported_by(code)
    assert list(tmp_path.rglob("*")) == []


def test_a_killed_command_resumes_to_the_same_bytes(tmp_path: Path, artifacts: Path) -> None:
    file = write_file(tmp_path / "r.csv", {"text": TEXTS * 60})
    whole, output = tmp_path / "whole.csv", tmp_path / "o.csv"
    common = [f"--file={file}", "--chunk-rows=20"]
    assert command(artifacts, *common, f"--output={whole}").returncode == 0
    killed = subprocess.Popen([*SCRIPT, f"--artifacts={artifacts}", *common, f"--output={output}"])
    parts, deadline = tmp_path / ".o.csv.parts", time.monotonic() + 60
    while len(list(parts.glob("*.arrow"))) < 3:
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    killed.kill()
    killed.wait()
    assert not output.exists()
    done = command(artifacts, *common, f"--output={output}")
    assert b"of 150 chunks from before" in done.stderr
    assert output.read_bytes() == whole.read_bytes()
    assert not parts.exists()


@pytest.mark.parametrize("words", [["-"], ["--file", "-"], ["--all-probabilities", "-"]])
def test_the_standard_input_is_answered_line_by_line(artifacts: Path, words: list[str]) -> None:
    done = command(artifacts, *words, "--print-as=jsonl", stdin=b"fine film\n\n\xff\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["row"] for row in rows] == [0, 1, 2]
    assert [row["warning"] for row in rows] == [None, "empty", None]
    assert rows[2]["error"] == "the text is not valid UTF-8"
    assert b"model 20260101T000000Z-aaaaaaaa" in done.stderr


def test_the_table_has_a_line_for_each_row_and_steers_no_terminal(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(app, ["a fine\n\x1b[31mfilm", "", "x" * 500, f"--artifacts={artifacts}"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["row", "label", "probability"]
    assert [line.split()[0] for line in lines[1:]] == ["0", "1", "2"]
    assert all(float(line.split()[2]) >= 0.5 for line in lines[1:])
    assert "a fine �[31mfilm" in lines[1]
    assert "[empty]" in lines[2]
    assert lines[3].endswith("x…")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give texts, or --file, or - for the standard input"),
        (["a", "--file=b.csv"], "give texts, or --file, or - for the standard input"),
        (["--file=none.csv"], "none.csv: there is no such file"),
        (["--file=none.csv", "--output=o.csv"], "none.csv: there is no such file"),
        (["--file=none.xls"], "none.xls: there is no such file"),
        (["a", "--output=o.xls"], "--output o.xls: must end in .csv, .jsonl, .parquet"),
        (["a", "--run=nobody"], "'nobody' names no run in"),
        (["a", "--chunk-rows=0"], "Must be >= 1"),
        (["a", "--flow"], "--flow: needs --file with a known ending, and --output"),
        (["-", "--input-kind=parquet"], "the standard input cannot be Parquet"),
    ],
)
def test_a_mistake_is_one_sentence(
    artifacts: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(app, [*arguments, f"--artifacts={artifacts}"])
    assert ended.value.code in (1, 2)
    out = capsys.readouterr()
    assert sentence in out.err.replace("\n", " ")
    assert out.out == ""


def test_no_run_yet_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(app, ["fine", f"--artifacts={tmp_path}"])
    assert "make one with: python flows/train_flow.py" in capsys.readouterr().err


@pytest.mark.usefixtures("prefect_server")
def test_as_a_flow_the_chunks_are_mapped_and_the_output_is_the_same(
    tmp_path: Path, artifacts: Path, predictor: Predictor
) -> None:
    from flows.pipelines.predict import predict_flow

    file = write_file(tmp_path / "r.csv", {"text": TEXTS})
    finish(predictor, file, tmp_path / "alone.csv", rows=20)
    stop_after(1, predictor, file, tmp_path / "o.csv", 20, ReadOptions(lines=True))
    summary = predict_flow(file, tmp_path / "o.csv", artifacts=artifacts, chunk_rows=20)
    assert (summary.rows, summary.chunks, summary.chunks_kept) == (50, 3, 1)
    assert (tmp_path / "o.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert not list(tmp_path.glob(".o.csv*"))


MEMORY = """
import sys
from pathlib import Path
from tasks.data.tables.fields import DEFAULT
from tasks.inference.open_model import open_predictor
from tasks.inference.predict_file import predict_file
artifacts, file, output = map(Path, sys.argv[1:])
*_, last = predict_file(open_predictor(artifacts), file, "text", output, 5000, DEFAULT)
print(last.rows)
# Of this process alone: ru_maxrss would begin with that of the one it was forked from.
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def peak_mib(artifacts: Path, file: Path, output: Path) -> float:
    """Return the peak memory of a process that predicts a file."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(artifacts), str(file), str(output)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    rows, kib = done.stdout.split()
    assert int(rows) == pq.read_metadata(file).num_rows == pq.read_metadata(output).num_rows
    return int(kib) / 1024


def write_many(path: Path, rows: int) -> Path:
    """Write `rows` different texts of about 600 bytes, all in one row group."""
    words = " ".join(WORDS * 6)
    with pq.ParquetWriter(path, pa.schema({"text": pa.string()}), use_dictionary=False) as writer:
        texts = pa.array((f"{n} {words}" for n in range(rows)), pa.string())
        writer.write_table(pa.table({"text": texts}), row_group_size=rows)
    return path


@pytest.mark.parametrize(
    ("rows", "more_mib"), [(40_000, 25), pytest.param(1_000_000, 50, marks=pytest.mark.slow)]
)
def test_memory_is_bounded(tmp_path: Path, artifacts: Path, rows: int, more_mib: int) -> None:
    files = (write_many(tmp_path / f"{count}.parquet", count) for count in (10_000, rows))
    few, many = (peak_mib(artifacts, file, tmp_path / "o.parquet") for file in files)
    assert many < few + more_mib


def test_an_input_without_a_good_row_gives_no_output(tmp_path: Path, predictor: Predictor) -> None:
    (tmp_path / "a.jsonl").write_text("no\n[1]\n")
    with pytest.raises(BadDataError, match=r"no row could be read; the first one: it is no JSON$"):
        finish(predictor, tmp_path / "a.jsonl", tmp_path / "o.csv", rows=1)
    assert not (tmp_path / "o.csv").exists()


def test_the_summary_tells_labels_that_are_numbers_from_their_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts: dict[str, Any] = {"errors": 1, "warnings": {"empty": 1}, "chunks": 1, "chunks_kept": 0}
    for labels, told in (
        ({"1": 15, "3": 6}, "15 of label 1, 6 of label 3"),
        ({"bad": 15, "3": 6}, "15 bad, 6 of label 3"),
    ):
        print_summary(
            PredictionSummary(output=Path("o.csv"), model="m", rows=22, labels=labels, **counts)
        )
        shown = capsys.readouterr().err
        assert shown == f"wrote o.csv: 22 rows, {told}, 1 empty, 1 with an error\n"


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_unsure_answers_have_a_column_and_are_counted(
    tmp_path: Path, artifacts: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, output = write_file(tmp_path / "r.csv", {"text": TEXTS}), tmp_path / f"o.{kind}"
    names = [f"--artifacts={artifacts}", f"--file={file}", f"--output={output}"]
    main(app, [*names, "--abstain=0.9", "--chunk-rows=20"])
    answers = [row["answer"] for row in read_file(output)]
    assert 0 < answers.count("unsure") < len(TEXTS) == len(answers)
    assert f"{answers.count('unsure')} unsure" in capsys.readouterr().err
    main(app, [*names, "--overwrite", "--chunk-rows=20"])
    assert "answer" not in read_file(output)[0]
    main(app, [names[0], "--abstain=0.9", *TEXTS])
    table = capsys.readouterr().out
    assert table.count(" unsure ") == answers.count("unsure")
