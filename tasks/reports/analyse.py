"""Analyse: what a report shows of a run beyond its scores, as charts and one JSON file."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tasks.common.errors import NetworkError
from tasks.common.records import write_json
from tasks.config.training import TextConfig
from tasks.data.sources.slice_columns import read_slice_columns
from tasks.data.sources.source_files import SliceColumns
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.confident_errors import confident_errors, error_ngrams
from tasks.evaluation.significance import paired_test
from tasks.evaluation.slices import (
    analyse_predictions,
    read_predictions,
    slice_groups,
    slice_scores,
    write_slices,
)
from tasks.model.answers import answers
from tasks.model.network import ngram_table, word_gradients
from tasks.model.ngrams.table import Explain
from tasks.reports.charts import draw_analysis
from tasks.runs.read import SLICES

_LOG = logging.getLogger(__name__)

_STEPS = 64
"""Colours need no small gap, and a run should not wait for one."""


def analyse_run(
    files: Mapping[str, Path],
    text: TextConfig,
    folder: Path,
    names: Sequence[str],
    slices: SliceColumns | None = None,
) -> None:
    """Write `analysis.json`, `slices.parquet` and the charts as `.svg`.

    `files` are the paths of the run's `best_model.keras`, `history.json`, `metrics.json`,
    `vocabulary.json`, three files of predictions and `test.parquet`, which has whole token lists,
    by these names. `names` are those of the labels, `slices` the user's columns by which the
    reviews are put into slices.
    """
    network = read_predictions(files["predictions.parquet"])
    baseline = read_predictions(files["baseline_predictions.parquet"])
    vocabulary = Vocabulary.read(files["vocabulary.json"])
    bayes = read_predictions(files["bayes_baseline_predictions.parquet"])
    analysis = analyse_predictions(network, baseline, text.maxlen) | {
        "network_against_bayes_baseline": paired_test(network.correct, bayes.correct).model_dump()
    }
    columns = read_slice_columns(slices, network.review_id) if slices else {}
    groups = slice_groups(network, names, columns)
    write_slices(groups, folder / SLICES)
    scores = [one.model_dump() for one in slice_scores(network.correct, groups)]
    metrics = json.loads(files["metrics.json"].read_bytes())
    table = ngram_table(files["best_model.keras"])
    said = answers(network.probability, metrics.get("cost", {}).get("cut"))
    explain: Explain | None = table.word_parts if table else None
    if not table and np.any(said != network.label):
        explain = _explained(files["best_model.keras"])
    wanted = network, said, files["test.parquet"], vocabulary, text
    errors = confident_errors(*wanted, explain)
    more: dict[str, object] = {"slices": scores, "confident_errors": errors}
    if table:
        more["error_ngrams"] = error_ngrams(*wanted, table)
    write_json(folder / "analysis.json", analysis | more)
    history = json.loads(files["history.json"].read_bytes())
    draw_analysis(history, analysis, metrics, network, baseline, folder)


def _explained(best_model: Path) -> Explain | None:
    """Return what tells a network's words apart; a report without is still a report."""
    try:
        return word_gradients(best_model, _STEPS)
    except NetworkError as error:
        _LOG.info("the most confident errors have no colours: %s", error)
        return None
