"""Predict a file of any size in constant memory, chunk by chunk; a stopped job resumes.

Each chunk's predictions are kept as a file of their own beside the output until all are there. It
begins with a hash of job, chunk and content, so that a chunk that is there and whole is of the same
model and the same input, and need not be computed again.
"""

import hashlib
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pyarrow as pa
from pydantic import Field

from tasks.common.atomic_files import whole_file, write_bytes
from tasks.common.canonical_json import json_sha256
from tasks.common.errors import BadDataError, InvalidConfigError, storage_errors
from tasks.common.locks import take_lock
from tasks.common.records import Record, read_record, write_record
from tasks.data.sources.source_files import content_sha256, require_unchanged
from tasks.data.sources.text_chunks import chunked
from tasks.data.tables.fields import ReadOptions
from tasks.data.tables.rows import read_rows
from tasks.inference.output import ROW_NUMBER, numbered, output_kind, prediction_writer
from tasks.inference.predictor import Predictor, count_unsure, prediction_schema

_LOG = logging.getLogger(__name__)

_JOB = "job.json"
_HASH_BYTES = hashlib.sha256().digest_size

CHUNK_ROWS = 20_000
"""Rows that are computed and kept at once."""


class PredictionJob(Record):
    """All that the predictions of a chunk depend on."""

    input_sha256: str
    reading: ReadOptions
    column: str
    model: str
    labels_shown: tuple[str, ...] = ()
    abstain: float | None = None
    explain: bool = False
    chunk_rows: int = Field(CHUNK_ROWS, ge=1)
    schema_version: int = 2


class PredictionSummary(Record):
    """What came of a file: its rows, those with an error or a warning, and what was there before.

    `labels` counts the rows by predicted label, `unsure` those without an answer.
    """

    output: Path
    model: str
    rows: int
    errors: int
    warnings: dict[str, int]
    labels: dict[str, int]
    unsure: int = 0
    chunks: int
    chunks_kept: int


class WrittenChunk(Record):
    """A chunk of a file, and whether its predictions were there already."""

    number: int
    was_there: bool


class PredictionParts:
    """The chunks of a job, beside the output that they become."""

    def __init__(self, output: Path, job: PredictionJob) -> None:
        """Take the output and the job; what another job left there is removed at `open`."""
        self.output, self.job = output, job
        self._job = json_sha256(job.model_dump(mode="json"))
        self.folder = _parts_folder(output)

    def open(self) -> Self:
        """Make the folder, without chunks of another job; return self."""
        if read_record(PredictionJob, self.folder / _JOB) != self.job:
            if self.folder.exists():
                _LOG.info("the parts in %s belong to another job; they are removed", self.folder)
                shutil.rmtree(self.folder)
            write_record(self.folder / _JOB, self.job)
        return self

    def path(self, number: int) -> Path:
        """Return the file of a chunk's predictions."""
        return self.folder / f"{number:08}.arrow"

    def has(self, number: int) -> bool:
        """Tell whether a chunk's predictions are there and whole."""
        try:
            self.read(self.path(number))
        except (FileNotFoundError, BadDataError):
            return False
        return True

    def texts_path(self, number: int) -> Path:
        """Return the file of a chunk's texts, where tasks that run apart predict them."""
        return self.folder / f"{number:08}.texts.arrow"

    def write(self, path: Path, batch: pa.RecordBatch) -> None:
        """Write a batch as an Arrow file behind its hash, whole or not at all."""
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, batch.schema, options=options) as writer:
            writer.write_batch(batch)
        content = sink.getvalue().to_pybytes()
        write_bytes(path, self._hash(path, content) + content)

    def read(self, path: Path) -> pa.RecordBatch:
        """Return the batch of a file of this job; raise a BadDataError where it is damaged."""
        found = path.read_bytes()
        kept, content = found[:_HASH_BYTES], found[_HASH_BYTES:]
        if kept != self._hash(path, content):
            raise BadDataError(f"{path} is damaged; start again")
        with pa.ipc.open_file(pa.BufferReader(content)) as reader:
            return reader.get_batch(0)

    def _hash(self, path: Path, content: bytes) -> bytes:
        return hashlib.sha256(f"{self._job} {path.name}\n".encode() + content).digest()

    def join(self, chunks: int, kept: int, model: str) -> PredictionSummary:
        """Write the output from all chunks in order, remove them, and return what came of it.

        A BadDataError says that no row could be read.
        """
        rows = errors = unsure = 0
        warnings, labels = Counter[str](), Counter[str]()
        has_answer = self.job.abstain is not None
        schema = prediction_schema(
            self.job.labels_shown, answer=has_answer, explain=self.job.explain
        ).insert(0, ROW_NUMBER)
        with (
            whole_file(self.output) as temporary,
            temporary.open("wb") as file,
            prediction_writer(file, output_kind(self.output), schema) as write,
        ):
            for number in range(chunks):
                batch = self.read(self.path(number))
                write(numbered(batch, rows))
                rows += batch.num_rows
                errors += batch.num_rows - batch["error"].null_count
                warnings.update(batch["warning"].drop_null().to_pylist())
                labels.update(batch["label"].drop_null().to_pylist())
                if has_answer:
                    unsure += count_unsure(batch)
            if errors and errors == rows:
                first = self.read(self.path(0))["error"][0]
                raise BadDataError(f"no row could be read; the first one: {first}")
        shutil.rmtree(self.folder)
        return PredictionSummary(
            output=self.output,
            model=model,
            rows=rows,
            errors=errors,
            warnings=warnings,
            labels=labels,
            unsure=unsure,
            chunks=chunks,
            chunks_kept=kept,
        )


def _parts_folder(output: Path) -> Path:
    return output.with_name(f".{output.name}.parts")


def require_own(output: Path, file: Path, *, overwrite: bool) -> None:
    """Raise an InvalidConfigError for an output that is the input, exists, or has no known kind."""
    output_kind(output)
    if output.exists() and file.exists() and output.samefile(file):
        raise InvalidConfigError(f"--output {output}: is the input itself; name another file")
    if output.exists() and not overwrite:
        raise InvalidConfigError(f"--output {output}: exists; add --overwrite to replace it")


@contextmanager
def own_output(output: Path, file: Path, *, overwrite: bool) -> Iterator[None]:
    """Keep other commands away from an output, which must be nobody's file.

    Where the input is refused, nothing of the output is left behind. An InvalidConfigError says
    that the output is another file, or that another command is writing it.
    """
    require_own(output, file, overwrite=overwrite)
    name = json_sha256(str(output.absolute().parent.resolve() / output.name))
    try:
        lock = take_lock(Path(tempfile.gettempdir()) / f"predictions-{name}.lock", timeout_s=0)
    except TimeoutError:
        raise InvalidConfigError(
            f"--output {output}: another command is writing it; wait for it, or name another file"
        ) from None
    with lock:
        try:
            yield
        except BadDataError:
            shutil.rmtree(_parts_folder(output), ignore_errors=True)
            raise


def predict_file(
    predictor: Predictor,
    file: Path,
    column: str,
    output: Path,
    chunk_rows: int,
    reading: ReadOptions,
) -> Generator[float | PredictionSummary]:
    """Predict a file; yield after each chunk the share that is done, at last what came of it.

    Raises:
        BadDataError: The input is missing, cannot be read, or was changed meanwhile.
        StorageError: The output cannot be written.
    """
    job = job_of(predictor, file, column, chunk_rows, reading)
    parts = PredictionParts(output, job)
    with storage_errors(output.parent):
        parts.open()
        chunks = kept = 0
        for chunk in chunked(read_rows(file, [column], reading), chunk_rows):
            chunks += 1
            if parts.has(chunk.number):
                kept += 1
            else:
                parts.write(parts.path(chunk.number), predictor.predict_rows(chunk.rows))
            yield chunk.done or 0.0
        if kept:
            _LOG.info("%d of %d chunks were there already", kept, chunks)
        require_unchanged(file, job.input_sha256)
        yield parts.join(chunks, kept, predictor.model.name)


def job_of(
    predictor: Predictor, file: Path, column: str, chunk_rows: int, reading: ReadOptions
) -> PredictionJob:
    """Return what the predictions of a file depend on; raise a BadDataError where it is missing."""
    return PredictionJob(
        input_sha256=content_sha256(file),
        reading=reading,
        column=column,
        model=predictor.model.content_hash,
        labels_shown=predictor.labels_shown,
        abstain=predictor.abstain,
        explain=predictor.explain,
        chunk_rows=chunk_rows,
    )


def write_chunks(file: Path, parts: PredictionParts) -> list[WrittenChunk]:
    """Write the texts of all chunks that have no predictions yet; return all chunks."""
    job, chunks = parts.job, []
    for chunk in chunked(read_rows(file, [job.column], job.reading), job.chunk_rows):
        was_there = parts.has(chunk.number)
        if not was_there:
            parts.write(parts.texts_path(chunk.number), chunk.rows)
        chunks.append(WrittenChunk(number=chunk.number, was_there=was_there))
    return chunks
