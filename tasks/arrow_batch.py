"""One batch of rows as a file: quick to write, and read once by another task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.atomic_files import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


def write_batch(path: Path, batch: pa.RecordBatch) -> None:
    """Write a batch as an Arrow file, whole or not at all."""
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        whole_file(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_file(file, batch.schema, options=options) as writer,
    ):
        writer.write_batch(batch)


def read_batch(path: Path) -> pa.RecordBatch:
    """Return the batch of a file that `write_batch` wrote."""
    import pyarrow as pa

    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
        return reader.get_batch(0)
