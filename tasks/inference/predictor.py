"""Predict: what a trained model says of raw texts, prepared exactly as in its training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.config.training import TextConfig
from tasks.data.sources.text_chunks import rows_of
from tasks.data.text.padding import pad_tokens
from tasks.data.text.tokenizer import START_ID
from tasks.data.text.vocabulary import RaggedTokens, Vocabulary, is_unknown
from tasks.evaluation.abstention import NO_ABSTENTION, Abstention, label_sets
from tasks.inference.explanation import EXPLANATION, explanation_columns, explanations
from tasks.model.answers import answers, of_each
from tasks.model.network import Network, in_threads, open_network, word_gradients
from tasks.model.ngrams.table import Explain

_WARNINGS = ("empty", "truncated", "mostly unknown")

_MOSTLY = 0.5

_MOST_ROWS, _MOST_TOKENS, _MOST_BYTES = 256, 1 << 21, 1 << 24
"""What one thread prepares and computes at once, so that memory is bounded."""


PREDICTIONS = pa.schema(
    {
        "label": pa.string(),
        "probability": pa.float32(),
        "tokens": pa.int32(),
        "unknown_share": pa.float32(),
        "warning": pa.string(),
        "error": pa.string(),
    }
)
"""One row per text in the order of the texts.

`probability` is that of the label beside it, `tokens` counts the words that the network saw,
`unknown_share` is that of the text's words outside the vocabulary, `warning` is empty, truncated,
mostly unknown, or several of these joined by commas. A row with an error has nothing else.
"""


@dataclass(frozen=True)
class TrainedModel:
    """What is needed to predict, from files whose hashes were checked.

    `name` is a run id. `content_hash` tells models with other answers apart. `note` is what a
    user of this model should know, None where there is nothing. Above the `cut` the second of two
    labels is the answer, where mistakes had a cost in the training.
    """

    name: str
    file: Path
    vocabulary: Vocabulary
    text: TextConfig
    label_names: tuple[str, ...]
    content_hash: str
    note: str | None = None
    abstention: Abstention = NO_ABSTENTION
    cut: float | None = None


ANSWER, UNSURE = pa.field("answer", pa.string()), "unsure"
"""The answer where `Predictor.abstain` is set: a label, or that none of several is sure enough."""


def prediction_schema(
    labels: Sequence[str] = (), *, answer: bool = False, explain: bool = False
) -> pa.Schema:
    """Return `PREDICTIONS`, with a column more for the probability of each of these labels.

    With `answer` there is one more, `ANSWER`, with `explain` those of `EXPLANATION`.
    """
    columns = [pa.field(f"probability of {label}", pa.float32()) for label in labels]
    more = [*([ANSWER] if answer else []), *(EXPLANATION if explain else [])]
    return pa.schema([*PREDICTIONS, *columns, *more])


def count_unsure(predicted: pa.RecordBatch) -> int:
    """Return how many rows of predictions with an `answer` have none."""
    unsure = pc.starts_with(predicted[ANSWER.name], UNSURE)
    return int(pc.sum(unsure.cast(pa.int64())).as_py() or 0)


@dataclass(frozen=True)
class PreparedTexts:
    """What the network sees of n texts, and what it does not.

    `tokens` is int32 of shape (n, maxlen), `uncut` are the ids before they were cut. Of shape (n,)
    are `words`, the words of the whole text, `unknown`, those that the vocabulary does not hold,
    and `used`, those in `tokens`.
    """

    tokens: np.ndarray
    uncut: RaggedTokens
    words: np.ndarray
    unknown: np.ndarray
    used: np.ndarray


def prepare_texts(texts: pa.Array, vocabulary: Vocabulary, text: TextConfig) -> PreparedTexts:
    """Return n texts, cut and padded as in the training; a missing text counts as an empty one."""
    tokens = vocabulary.tokens([texts])
    padded = pad_tokens(tokens, text)
    return PreparedTexts(
        tokens=padded,
        uncut=tokens,
        words=tokens.lengths() - 1,
        unknown=tokens.counts(is_unknown(tokens.ids, text.num_words)),
        used=np.sum(padded > START_ID, axis=1),
    )


@dataclass
class Predictor:
    """A model with its preprocessing, and its network as it is to be computed.

    With `all_probabilities` a prediction has a column more for the probability of each label. With
    `abstain` it has the column `answer`: the label where it is the only one that may be true, at
    this level, else "unsure", of more than two labels with those that may be. Where `words` says
    what each token adds it has those of `EXPLANATION`.
    """

    model: TrainedModel
    network: Network
    all_probabilities: bool = False
    abstain: float | None = None
    words: Explain | None = None

    @property
    def explain(self) -> bool:
        """Whether a prediction has the columns of `EXPLANATION`."""
        return self.words is not None

    def saying(
        self, abstain: float | None, *, all_probabilities: bool, explain: bool = False
    ) -> Self:
        """Return the predictor with these wishes.

        Any network but one of n-grams needs TensorFlow to `explain`. An InvalidConfigError says
        that the model has no threshold for this level, a NetworkError that nothing tells its words
        apart, or that it has code which is not trusted.
        """
        if abstain is not None:
            self.model.abstention.threshold(abstain)
        words = None
        if explain:
            table = self.network.table
            words = table.word_parts if table else word_gradients(self.model.file)
        return replace(self, abstain=abstain, all_probabilities=all_probabilities, words=words)

    @property
    def schema(self) -> pa.Schema:
        """The columns of the predictions."""
        return prediction_schema(
            self.labels_shown, answer=self.abstain is not None, explain=self.explain
        )

    @property
    def labels_shown(self) -> tuple[str, ...]:
        """The labels whose probability has a column of its own."""
        return self.model.label_names if self.all_probabilities else ()

    def predict(self, texts: Sequence[str | None]) -> pa.RecordBatch:
        """Return one row of the predictions for each text."""
        return self.predict_rows(rows_of(texts))

    def predict_rows(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return one row of the predictions for each of `TEXTS`; bad rows keep their error."""
        schema = self.schema
        parts = list(in_threads(self._predict_part, self._parts(rows)))
        table = pa.Table.from_batches(parts, schema).combine_chunks()
        batches = table.to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], schema)

    def _parts(self, rows: pa.RecordBatch) -> list[pa.RecordBatch]:
        """Return the rows in parts that are small in rows, tokens and bytes."""
        most = max(1, min(_MOST_ROWS, _MOST_TOKENS // self.model.text.maxlen))
        lengths = pc.fill_null(pc.binary_length(rows["text"]), 0).to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths)
        parts, start = [], 0
        while start < len(rows):
            before = ends[start - 1] if start else 0
            fitting = int(np.searchsorted(ends, before + _MOST_BYTES, side="right")) - start
            count = max(1, min(most, fitting, len(rows) - start))
            parts.append(rows.slice(start, count))
            start += count
        return parts

    def _predict_part(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        prepared = prepare_texts(rows["text"], self.model.vocabulary, self.model.text)
        probabilities = self.network(prepared.tokens)
        of_classes, said = of_each(probabilities), answers(probabilities, self.model.cut)
        names = np.array(self.model.label_names, object)
        share = prepared.unknown / np.maximum(prepared.words, 1)
        columns = [
            pa.array(names[said], pa.string()),
            pa.array(of_classes[np.arange(len(said)), said], pa.float32()),
            pa.array(prepared.used, pa.int32()),
            pa.array(share, pa.float32()),
            pa.array(_warnings(prepared, share), pa.string()),
        ]
        if self.all_probabilities:
            columns += [pa.array(of_label, pa.float32()) for of_label in of_classes.T]
        if self.abstain is not None:
            sets = label_sets(probabilities, self.model.abstention.threshold(self.abstain))
            columns.append(pa.array([self._answer(names[one]) for one in sets], pa.string()))
        if self.words is not None:
            explained = explanations(
                rows["text"],
                prepared.uncut,
                said,
                self.words,
                self.model.vocabulary,
                self.model.text,
            )
            columns += explanation_columns(explained).columns
        is_bad = pc.is_valid(rows["error"])
        kept = [pc.if_else(is_bad, pa.scalar(None, column.type), column) for column in columns]
        kept.insert(PREDICTIONS.get_field_index("error"), rows["error"])
        return pa.record_batch(kept, schema=self.schema)

    @property
    def longest_answers(self) -> tuple[str, ...]:
        """The longest labels, and where the predictor may abstain, that it is unsure of two."""
        names = sorted(self.model.label_names, key=len)[-2:]
        unsure = () if self.abstain is None else (self._answer(np.array(names, object)),)
        return (*names, *unsure)

    def _answer(self, labels: np.ndarray) -> str:
        if len(labels) == 1:
            return str(labels[0])
        is_all = len(self.model.label_names) == 2  # noqa: PLR2004 - then the set says no more
        return UNSURE if is_all else f"{UNSURE}: {' or '.join(labels)}"


def ready_predictor(model: TrainedModel, network: Network | None = None) -> Predictor:
    """Return the predictor of a model, which has answered once: a network of other sizes fails.

    The network is that of the model's file, where none is given.
    """
    predictor = Predictor(model, network or open_network(model.file))
    predictor.predict(["a"])
    return predictor


def _warnings(prepared: PreparedTexts, share: np.ndarray) -> list[str | None]:
    applies = (prepared.words == 0, prepared.used < prepared.words, share > _MOSTLY)
    return [", ".join(compress(_WARNINGS, row)) or None for row in np.transpose(applies).tolist()]
