"""Predict texts: `python flows/predict_flow.py "A lovely film"`; `--help` shows all options.

As a flow, with `--flow` or on a schedule, it predicts a file in chunks that are mapped.
"""

from flows import predict_command, train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, unless a flow run is asked for.
    OPTIONS = predict_command.read_flow_options()
    if OPTIONS is None:
        raise SystemExit(0)
train_command.begin_process()

import logging  # noqa: E402
from functools import lru_cache  # noqa: E402
from pathlib import Path  # noqa: E402

from prefect import flow, task, unmapped  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402

from flows import prefect_session  # noqa: E402
from tasks.open_model import chosen_run, open_predictor  # noqa: E402
from tasks.predict_file import (  # noqa: E402
    CHUNK_ROWS,
    PredictionJob,
    PredictionParts,
    PredictionSummary,
    SpooledChunk,
    job_of,
    read_spooled,
    require_same_input,
    spool_chunks,
)
from tasks.predict_texts import Predictor  # noqa: E402
from tasks.prediction_output import output_kind  # noqa: E402
from tasks.read_texts import kind_of  # noqa: E402

LOG = logging.getLogger("flows.predict_flow")

_CHUNKS_AT_ONCE = 2  # one is prepared while the other is computed


@task(name="split", task_run_name="split {file.name}", cache_policy=NO_CACHE)
def split(file: Path, output: Path, job: PredictionJob) -> list[SpooledChunk]:
    """Write the texts of each chunk that is still to be predicted to a file of its own."""
    return spool_chunks(file, PredictionParts(output, job).open())


@task(name="predict-chunk", task_run_name="chunk {chunk.number}", cache_policy=NO_CACHE)
def predict_chunk(
    chunk: SpooledChunk, output: Path, job: PredictionJob, artifacts: Path, run: str
) -> None:
    """Predict one chunk, unless its predictions are there already."""
    parts = PredictionParts(output, job)
    if not parts.path(chunk.number).is_file():
        predictor = _predictor(artifacts, run)
        parts.keep(chunk.number, predictor.predict_rows(read_spooled(parts, chunk)))


@task(name="join", cache_policy=NO_CACHE)
def join(
    file: Path, output: Path, job: PredictionJob, chunks: list[SpooledChunk], model: str
) -> PredictionSummary:
    """Write the output from the predictions of all chunks, in order."""
    require_same_input(file, job)
    kept = sum(chunk.was_there for chunk in chunks)
    return PredictionParts(output, job).join(len(chunks), kept, model)


@flow(
    name="predict-texts",
    description="Predicts the texts of a file, chunk by chunk; a stopped run goes on.",
    flow_run_name="{file.name}",
    task_runner=ThreadPoolTaskRunner(max_workers=_CHUNKS_AT_ONCE),  # type: ignore[arg-type]
)
def predict_flow(
    file: Path,
    output: Path,
    text_column: str = "text",
    run: str | None = None,
    artifacts: Path = Path("artifacts"),
    chunk_rows: int = CHUNK_ROWS,
) -> PredictionSummary:
    """Predict a file.

    Args:
        file: A .csv, .jsonl, .parquet or .txt file.
        output: A .csv, .jsonl or .parquet file; whole or absent.
        text_column: Column of the texts.
        run: Another run than the champion.
        artifacts: Folder of the cache and the runs.
        chunk_rows: Rows that are computed and kept at once.
    """
    prefect_session.show_our_logs()
    output_kind(output)
    # Settled once: a promotion in the meantime does not change who answers.
    name = str(chosen_run(artifacts, run).folder)
    predictor = _predictor(artifacts, name)
    LOG.info("model %s", predictor.model.name)
    job = job_of(predictor, file, kind_of(file.name), text_column, chunk_rows)
    chunks = split(file, output, job)
    predict_chunk.map(chunks, *map(unmapped, (output, job, artifacts, name))).result()
    return join(file, output, job, chunks, predictor.model.name)


@lru_cache(maxsize=1)
def _predictor(artifacts: Path, run: str) -> Predictor:
    return open_predictor(artifacts, run)


if __name__ == "__main__":
    assert OPTIONS is not None
    predict_command.print_summary(
        prefect_session.call_flow(
            predict_flow, OPTIONS.output.parent, vars(OPTIONS), lambda summary: summary.chunks + 2
        )
    )
