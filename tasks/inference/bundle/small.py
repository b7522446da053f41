"""Write an n-gram network as small as it can be for NumPy, and measure what that costs."""

import shutil
from pathlib import Path

import numpy as np

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import write_text
from tasks.common.errors import ExportError, InvalidConfigError, PipelineError
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.slices import read_predictions
from tasks.inference.bundle.files import CARD, NGRAMS, WORD_INDEX, Quantized
from tasks.inference.predictor import TrainedModel
from tasks.model.answers import answers
from tasks.model.network import ngram_network, ngram_table
from tasks.model.ngrams.packed import read_packed, write_packed
from tasks.model.ngrams.table import NgramTable
from tasks.registry.ask_model import reviews_again
from tasks.reports.model_card import MODEL_CARD, card_in_bundle
from tasks.runs.find import Run
from tasks.runs.read import PREDICTIONS, VOCABULARY, checked_file

_MOST_MEASURED = 25_000

_ON_THE_CARD = """
## This bundle is quantized

The scores above are those of the exact model. Here what an n-gram adds has 16 bits, so that it is
off by at most one part in 2,048; which n-grams are known is as in the training.

{}.
"""


def write_small(run: Run, model: TrainedModel, folder: Path) -> Quantized:
    """Write network, word index and model card into a folder, and return what that costs.

    An InvalidConfigError says that the run has no n-gram network, an ExportError that the reviews
    to measure by are lost.
    """
    table = ngram_table(model.file)
    if table is None:
        raise InvalidConfigError(
            "--small: only the bundle of an n-gram network can be small, as of the recipe ngrams,"
            " and this run has another network; leave it out"
        )
    write_packed(table, folder / NGRAMS)
    if model.vocabulary.tokenizer == "words":
        known = Vocabulary(model.vocabulary.known(model.text.num_words))
        known.write(folder / WORD_INDEX)
    else:  # a frequent subword may be joined from a rare one
        shutil.copyfile(checked_file(run, VOCABULARY), folder / WORD_INDEX)
    quantized = _measured(run, model, table, read_packed(folder / NGRAMS))
    card = checked_file(run, MODEL_CARD).read_text(encoding="utf-8")
    write_text(folder / CARD, card_in_bundle(card) + _ON_THE_CARD.format(quantized.sentence))
    return quantized


def _measured(run: Run, model: TrainedModel, exact: NgramTable, small: NgramTable) -> Quantized:
    recorded = read_predictions(checked_file(run, PREDICTIONS))
    count = len(recorded.label)
    chosen = np.linspace(0, count - 1, min(count, _MOST_MEASURED)).astype(np.int64)
    store = ArtifactStore(run.folder.absolute().parent.parent)
    try:
        tokens, _ = reviews_again(run, recorded, chosen, store)
    except PipelineError as error:
        raise ExportError(
            f"--small: the test reviews that it is measured by are lost: {error}; or leave it out"
        ) from error
    expected, found = (ngram_network(table).on_all_cores(tokens) for table in (exact, small))
    other = answers(found, model.cut) != answers(expected, model.cut)
    return Quantized(
        reviews=len(tokens),
        other_answers=int(other.sum()),
        largest_difference=float(np.abs(found - expected).max()),
    )
