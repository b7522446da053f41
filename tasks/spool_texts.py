"""Spool: the texts of each chunk of a file in a file of its own, for tasks that run apart."""

from __future__ import annotations

from pathlib import Path

from tasks.arrow_batch import read_batch, write_batch
from tasks.predict_file import PredictionParts, file_chunks
from tasks.records import Record
from tasks.text_rows import TextRows


class SpooledChunk(Record):
    """A chunk of a file, and whether its predictions were there already."""

    number: int
    was_there: bool


def spool_chunks(file: Path, parts: PredictionParts) -> list[SpooledChunk]:
    """Write the texts of all chunks that have no predictions yet; return all chunks.

    Args:
        file: The input of the job.
        parts: Where the chunks of the job lie.

    Raises:
        BadDataError: The file cannot be read, or has no such column.
    """
    import pyarrow as pa

    job, chunks = parts.job, []
    for chunk in file_chunks(file, job.kind, job.column, job.chunk_rows):
        was_there = parts.path(chunk.number).is_file()
        if not was_there:
            batch = pa.record_batch(
                {"text": chunk.rows.texts, "error": chunk.rows.errors.cast(pa.string())}
            )
            write_batch(_spooled(parts, chunk.number), batch)
        chunks.append(SpooledChunk(number=chunk.number, was_there=was_there))
    return chunks


def read_spooled(parts: PredictionParts, chunk: SpooledChunk) -> TextRows:
    """Return the texts of a chunk."""
    batch = read_batch(_spooled(parts, chunk.number))
    return TextRows(batch["text"], batch["error"])


def _spooled(parts: PredictionParts, number: int) -> Path:
    return parts.folder / f"{number:08}.texts.arrow"
