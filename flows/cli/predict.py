"""Command line of predictions: answers at once, without Prefect, unless a flow run is requested."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import pyarrow as pa
from cyclopts import Parameter, validators
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import Progress

from flows.cli.app import Ready
from flows.cli.help import command_app
from flows.display.explained import coloured_words
from flows.display.terminal import ARTIFACTS, ArtifactsOption, TrustOption, remark
from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import whole_file
from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.common.formatting import printable
from tasks.common.records import is_utf8
from tasks.common.remote_files import NO_CREDENTIALS, holds_credentials, is_remote, local_copy
from tasks.data.sources.text_chunks import TextChunk, chunked, rows_of
from tasks.data.tables.fields import ReadOptions, file_kind
from tasks.data.tables.kinds import FileKind, Kind
from tasks.data.tables.rows import read_rows, read_stream
from tasks.inference.bundle.open import open_bundle
from tasks.inference.open_model import open_predictor
from tasks.inference.output import (
    PredictionTable,
    numbered,
    output_kind,
    prediction_writer,
)
from tasks.inference.predict_file import (
    CHUNK_ROWS,
    PredictionSummary,
    own_output,
    predict_file,
    require_own,
)
from tasks.inference.predictor import Predictor

STDIN = "-"

_STREAM_ROWS = 1000

_INDENT = 10

app = command_app("predict")


@Parameter(name="*")
@dataclass(frozen=True)
class InputOptions:
    """What the user says of the input."""

    input_kind: Annotated[
        Kind | None, Parameter(help="What the input holds, where its name does not say it.")
    ] = None
    encoding: Annotated[
        str | None, Parameter(help="Encoding of the input, where it is not UTF-8.")
    ] = None
    delimiter: Annotated[
        str | None, Parameter(help="Delimiter of the input: comma, tab, semicolon, pipe or other.")
    ] = None


@Parameter(name="*")
@dataclass(frozen=True)
class AnswerOptions:
    """What the user wants of the answers."""

    print_as: Annotated[
        Literal["table", "jsonl", "csv"], Parameter(help="How to print without --output.")
    ] = "table"
    all_probabilities: Annotated[
        bool,
        Parameter(
            help="Give the probability of each label, in columns of their own; not in the table.",
            negative=(),
        ),
    ] = False
    abstain: Annotated[
        float | None,
        Parameter(
            help="Answer 'unsure' where more than one label may be the true one, at this level: 0.9"
            " holds the true one in 9 of 10 cases."
        ),
    ] = None
    explain: Annotated[
        bool,
        Parameter(
            help="Say what each word adds to the answer: coloured words, or columns of their own;"
            " of n-gram networks exactly, of others with TensorFlow.",
            negative=(),
        ),
    ] = False


@Parameter(name="*")
@dataclass(frozen=True)
class ModelOptions:
    """Which model answers."""

    run: Annotated[str | None, Parameter(help="Another run than the champion: as in runs.")] = None
    bundle: Annotated[
        Path | None, Parameter(help="An exported bundle instead of a run: a folder or a zip.")
    ] = None
    sha256: Annotated[
        str | None, Parameter(help="The bundle's hash, as its export reported it.")
    ] = None
    trust_code: TrustOption = None

    def require_one(self, *, flow: bool) -> None:
        """Raise an InvalidConfigError where the options do not go together."""
        if self.bundle is not None and self.run is not None:
            raise InvalidConfigError("give --run or --bundle, not both")
        if self.sha256 is not None and self.bundle is None:
            raise InvalidConfigError(f"--sha256 {self.sha256}: needs --bundle")
        if flow and self.bundle is not None:
            raise InvalidConfigError("--flow: predicts by a run, not by a bundle")

    def open(self, artifacts: Path) -> Predictor:
        """Return the predictor."""
        if self.bundle is not None:
            return open_bundle(self.bundle, self.sha256)
        return open_predictor(artifacts, self.run)


_NO_OPTIONS, _NO_WISHES, _CHAMPION = InputOptions(), AnswerOptions(), ModelOptions()


@app.default
def predict(
    *texts: Annotated[str, Parameter(help="Texts, or - for the lines of the standard input.")],
    file: Annotated[
        str | None,
        Parameter(
            help="A .csv, .tsv, .txt, .jsonl, .json or .parquet file, s3:// and gs:// too, - for"
            " standard input."
        ),
    ] = None,
    text_column: Annotated[str, Parameter(help="Column of the texts.")] = "text",
    reading: InputOptions = _NO_OPTIONS,
    output: Annotated[
        Path | None,
        Parameter(help="A .csv, .jsonl or .parquet file; the same command again resumes."),
    ] = None,
    overwrite: Annotated[
        bool, Parameter(help="Replace --output where it is there already.", negative=())
    ] = False,
    answers: AnswerOptions = _NO_WISHES,
    model: ModelOptions = _CHAMPION,
    chunk_rows: Annotated[
        int,
        Parameter(
            help="Rows that are computed and kept at once, with --output.",
            validator=validators.Number(gte=1),
        ),
    ] = CHUNK_ROWS,
    flow: Annotated[
        bool, Parameter(help="Work as a flow run of Prefect, with --output.", negative=())
    ] = False,
    artifacts: ArtifactsOption = ARTIFACTS,
) -> Ready[dict[str, Any]] | None:
    """Predict the sentiment of texts with the champion, else with the newest run."""
    if bool(texts) == (file is not None):
        raise InvalidConfigError("give texts, or --file, or - for the standard input")
    model.require_one(flow=flow)
    if output is not None:
        require_own(output, Path(file or STDIN), overwrite=overwrite)
    if holds_credentials(file):
        raise InvalidConfigError(f"--file: {NO_CREDENTIALS}")
    if file is not None and is_remote(file):
        file = str(local_copy(file, ArtifactStore(artifacts).downloads))
    if flow:
        given: dict[str, Any] = {"run": model.run, "artifacts": artifacts, "chunk_rows": chunk_rows}
        given |= {"all_probabilities": answers.all_probabilities, "abstain": answers.abstain}
        given |= {"explain": answers.explain}
        given |= _flow_parameters(file, output, text_column, reading, overwrite=overwrite)
        return Ready(given, _start)
    options = ReadOptions(reading.encoding, reading.delimiter, reading.input_kind, lines=True)
    source = Path(file or STDIN)
    if source != Path(STDIN):
        _require_readable(source, text_column, options)
    predictor = model.open(artifacts)
    predictor = predictor.saying(
        answers.abstain, all_probabilities=answers.all_probabilities, explain=answers.explain
    )
    _say_who_answers(predictor)
    with own_output(output, source, overwrite=overwrite) if output else nullcontext():
        if output is not None and source != Path(STDIN):
            steps = predict_file(predictor, source, text_column, output, chunk_rows, options)
            _follow(steps, source.name)
        else:
            _stream(predictor, _chunks(texts, file, text_column, options), output, answers.print_as)
    return None


def _flow_parameters(
    file: str | None, output: Path | None, column: str, reading: InputOptions, *, overwrite: bool
) -> dict[str, Any]:
    if file is None or file == STDIN or output is None or reading.input_kind is not None:
        raise InvalidConfigError("--flow: needs --file with a known ending, and --output")
    if not is_utf8(Path(file)):
        raise InvalidConfigError(
            "--flow: the file's name is not UTF-8; rename it, or leave --flow out"
        )
    file_kind(Path(file), ReadOptions())
    given = {"file": Path(file), "output": output, "text_column": column, "overwrite": overwrite}
    return given | {"encoding": reading.encoding, "delimiter": reading.delimiter}


def _require_readable(file: Path, column: str, reading: ReadOptions) -> None:
    """Read all of a file, so that no answer is printed of one that is refused further behind."""
    for _ in read_rows(file, [column], reading):
        pass


def print_summary(summary: PredictionSummary) -> None:
    """Print what came of a file, to the error output as it is no prediction."""
    parts = [f"{summary.rows:,} rows"]
    for name, number in summary.labels.items():
        parts.append(f"{number:,} {name if name[:1].isalpha() else f'of label {name}'}")
    parts += [f"{summary.unsure:,} unsure"] if summary.unsure else []
    parts += [f"{count:,} {name}" for name, count in summary.warnings.items()]
    parts += [f"{summary.errors:,} with an error"] if summary.errors else []
    if summary.chunks_kept:
        parts.append(f"{summary.chunks_kept} of {summary.chunks} chunks from before")
    remark(f"wrote {summary.output}: {', '.join(parts)}")


def _say_who_answers(predictor: Predictor) -> None:
    remark(f"model {predictor.model.name}", style="dim")
    if predictor.model.note:
        remark(f"note: {predictor.model.note}")


def _chunks(
    texts: Sequence[str], file: str | None, column: str, reading: ReadOptions
) -> Iterator[TextChunk]:
    if file is None:
        yield TextChunk(0, 0, rows_of(texts), 1.0)
    elif file == STDIN:
        if reading.kind == "parquet":
            raise BadDataError("the standard input cannot be Parquet, which is read from its end")
        kind = FileKind(reading.kind or "txt")
        yield from chunked(read_stream(sys.stdin.buffer, kind, [column], reading), _STREAM_ROWS)
    else:
        yield from chunked(read_rows(Path(file), [column], reading), _STREAM_ROWS)


def _stream(
    predictor: Predictor, chunks: Iterator[TextChunk], output: Path | None, print_as: str
) -> None:
    if output is not None:
        with whole_file(output) as temporary, temporary.open("wb") as file:
            _write(predictor, chunks, file, output_kind(output))
    elif print_as == "table":
        _print_table(predictor, chunks)
    else:
        _write(predictor, chunks, sys.stdout.buffer, "csv" if print_as == "csv" else "jsonl")


def _write(
    predictor: Predictor,
    chunks: Iterator[TextChunk],
    file: IO[bytes],
    kind: Literal["csv", "jsonl", "parquet"],
) -> None:
    schema = numbered(predictor.predict([]), 0).schema
    with prediction_writer(file, kind, schema) as write:
        for chunk in chunks:
            write(numbered(predictor.predict_rows(chunk.rows), chunk.first_row))
            file.flush()


def _print_table(predictor: Predictor, chunks: Iterator[TextChunk]) -> None:
    table = PredictionTable(predictor.longest_answers, Console().width)
    for chunk in chunks:
        if chunk.number == 0:
            sys.stdout.write(table.head)
        predicted = predictor.predict_rows(chunk.rows)
        lines = table.lines(predicted, chunk.rows["text"], chunk.first_row)
        if predictor.explain:
            between = " " if predictor.model.vocabulary.tokenizer == "words" else ""
            _print_explained(predicted, lines, between)
        else:
            sys.stdout.writelines(lines)
        sys.stdout.flush()


def _print_explained(predicted: pa.RecordBatch, lines: Iterator[str], between: str) -> None:
    """Print below each line its words, coloured where there is colour, and names the strongest."""
    console = Console(highlight=False)
    for line, row in zip(lines, predicted.to_pylist(), strict=True):
        sys.stdout.write(line)
        if row["words"] and console.color_system and not console.no_color:
            words = coloured_words(row["words"], between)
            console.print(Padding(words, (0, 0, 0, _INDENT)))
        if row["strongest"] is not None:
            strongest = printable(row["strongest"]) or "no word counts"
            gap = f"; gap {row['gap']:.3f}" if row["gap"] else ""
            sys.stdout.write(f"{'':{_INDENT}}{strongest}{gap}\n")


def _follow(steps: Iterator[float | PredictionSummary], name: str) -> None:
    """Show how far the predictions of a file are, and at last what came of it."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(escape(name), total=1.0)
        for step in steps:
            if isinstance(step, PredictionSummary):
                summary = step
            else:
                progress.update(bar, completed=step)
    print_summary(summary)


def _start(parameters: dict[str, Any]) -> None:
    from flows.pipelines.predict import run_predictions

    print_summary(run_predictions(parameters))
