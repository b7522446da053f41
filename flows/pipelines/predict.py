"""Predict texts: `python flows/predict_flow.py "A lovely film"`; `--help` shows all options.

As a flow, with `--flow` or on a schedule, it predicts a file in chunks that are mapped.
"""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from prefect import flow, task, unmapped
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

from flows.orchestration import session
from flows.orchestration.failure_hook import RECORDED
from tasks.data.sources.source_files import require_unchanged
from tasks.data.tables.fields import ReadOptions
from tasks.inference.open_model import chosen_run, open_predictor
from tasks.inference.predict_file import (
    CHUNK_ROWS,
    PredictionJob,
    PredictionParts,
    PredictionSummary,
    WrittenChunk,
    job_of,
    own_output,
    require_own,
    write_chunks,
)
from tasks.inference.predictor import Predictor

LOG = logging.getLogger(__name__)

_CHUNKS_AT_ONCE = 2  # one is prepared while the other is computed


@task(name="split", task_run_name="split {file.name}", cache_policy=NO_CACHE)
def split(file: Path, output: Path, job: PredictionJob) -> list[WrittenChunk]:
    """Write the texts of each chunk that is still to be predicted to a file of its own."""
    return write_chunks(file, PredictionParts(output, job).open())


@task(name="predict-chunk", task_run_name="chunk {chunk.number}", cache_policy=NO_CACHE)
def predict_chunk(
    chunk: WrittenChunk, output: Path, job: PredictionJob, artifacts: Path, run: str
) -> None:
    """Predict one chunk, unless its predictions are there already."""
    parts = PredictionParts(output, job)
    if not parts.has(chunk.number):
        texts = parts.read(parts.texts_path(chunk.number))
        wishes = (bool(job.labels_shown), job.abstain, job.explain)
        predictor = _predictor(artifacts, run, *wishes)
        parts.write(parts.path(chunk.number), predictor.predict_rows(texts))


@task(name="join", cache_policy=NO_CACHE)
def join(
    file: Path, output: Path, job: PredictionJob, chunks: list[WrittenChunk], model: str
) -> PredictionSummary:
    """Write the output from the predictions of all chunks, in order."""
    require_unchanged(file, job.input_sha256)
    kept = sum(chunk.was_there for chunk in chunks)
    return PredictionParts(output, job).join(len(chunks), kept, model)


@flow(
    name="predict-texts",
    description="Predicts the texts of a file, chunk by chunk; a stopped run resumes.",
    flow_run_name="{file.name}",
    task_runner=ThreadPoolTaskRunner(max_workers=_CHUNKS_AT_ONCE),  # type: ignore[arg-type]
    **RECORDED,
)
def predict_flow(
    file: Path,
    output: Path,
    text_column: str = "text",
    run: str | None = None,
    artifacts: Path = Path("artifacts"),
    chunk_rows: int = CHUNK_ROWS,
    encoding: str | None = None,
    delimiter: str | None = None,
    overwrite: bool = False,  # noqa: FBT001, FBT002 - a field of the run form
    all_probabilities: bool = False,  # noqa: FBT001, FBT002 - a field of the run form
    abstain: float | None = None,
    explain: bool = False,  # noqa: FBT001, FBT002 - a field of the run form
) -> PredictionSummary:
    """Predict a file.

    Args:
        file: A .csv, .tsv, .txt, .jsonl, .json or .parquet file.
        output: A .csv, .jsonl or .parquet file; whole or absent.
        text_column: Column of the texts.
        run: Another run than the champion.
        artifacts: Folder of the cache and the runs.
        chunk_rows: Rows that are computed and kept at once.
        encoding: Of the file, where it is not UTF-8.
        delimiter: Of the file, where it is not found by itself.
        overwrite: Whether an output that is there is replaced.
        all_probabilities: Whether the probability of each label has a column.
        abstain: The level at which an answer may be "unsure".
        explain: Whether there are columns for what each word adds to the answer.
    """
    session.begin_flow()
    require_own(output, file, overwrite=overwrite)
    # Settled once: a promotion in the meantime does not change who answers.
    name = str(chosen_run(artifacts, run).folder)
    predictor = _predictor(artifacts, name, all_probabilities, abstain, explain)
    LOG.info("model %s", predictor.model.name)
    reading = ReadOptions(encoding, delimiter, lines=True)
    with own_output(output, file, overwrite=overwrite):
        job = job_of(predictor, file, text_column, chunk_rows, reading)
        chunks = split(file, output, job)
        predict_chunk.map(chunks, *map(unmapped, (output, job, artifacts, name))).result()
        return join(file, output, job, chunks, predictor.model.name)


@lru_cache(maxsize=1)
def _predictor(
    artifacts: Path,
    run: str,
    all_probabilities: bool,  # noqa: FBT001 - by place, for the cache
    abstain: float | None,
    explain: bool,  # noqa: FBT001 - by place, for the cache
) -> Predictor:
    predictor = open_predictor(artifacts, run)
    return predictor.saying(abstain, all_probabilities=all_probabilities, explain=explain)


def run_predictions(parameters: dict[str, Any]) -> PredictionSummary:
    """Run the flow for a person."""
    folder = parameters["output"].parent
    return session.call_flow(predict_flow, folder, parameters, lambda summary: summary.chunks + 2)
