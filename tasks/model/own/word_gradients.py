"""What each token of a text adds to the answer of a network of Keras: integrated gradients.

M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML 2017
(https://arxiv.org/abs/1703.01365): the gradient of the logit, added up along the straight line that
leads from the vector of padding to that of each word. Where the line is followed closely enough,
the parts are together what the words change of the logit.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tasks.common.errors import NetworkError
from tasks.data.text.tokenizer import START_ID
from tasks.model.answers import class_count
from tasks.model.keras_contracts import logits_of, nested_embeddings
from tasks.model.ngrams.table import WordParts

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

GAP = 0.02
"""Where the parts miss the logit by more, the line is followed in twice as many steps."""

FEWEST_STEPS = 16

_TOKENS = 1 << 16
"""What is computed at once, so that memory is bounded however long a text is."""

_FEW_TEXTS = 16
"""For so many it takes longer to build the graph of a gradient than to do without."""


class WordGradients:
    """A trained network that says what each token adds; several threads may call it at once."""

    def __init__(self, model: keras.Model, most_steps: int) -> None:
        """Take a model that nobody else uses: its embedding is made to follow the line.

        A line has at most so many steps, whatever its gap. A NetworkError says that no
        `keras.layers.Embedding` of it takes the words' ids.
        """
        self._model, self._one_at_a_time = model, threading.Lock()
        self._most_steps = most_steps
        self._of_words: set[int] = set()
        self._line: list[tuple[tf.Tensor, tf.Tensor]] = []
        self._shares: tf.Tensor | None = None
        self._tape: tf.GradientTape | None = None
        self._probe = START_ID + np.arange(model.input_shape[1], dtype=np.int32)[None] % 2
        for number, layer in enumerate(nested_embeddings(model)):
            layer.call = partial(self._look_up, number, layer.call)
        model(tf.constant(self._probe), training=False)
        if not self._of_words:
            raise NetworkError(
                "no keras.layers.Embedding of this network takes the words' ids, so that nothing"
                " tells its words apart; predict without --explain"
            )
        points = [((None, self._probe.shape[1]), tf.int32), ((None,), tf.int64), ((None,), "float")]
        self._in_graph = tf.function(
            self._slopes, input_signature=[tf.TensorSpec(*one) for one in points], autograph=False
        )

    def __call__(self, tokens: np.ndarray, said: np.ndarray) -> WordParts:
        """Return what each token adds to the log-odds of the answer, for int32 (n, maxlen).

        `said` has the class of each answer, shape (n,). `base` is what the network says where each
        word is padding, and all else that it takes from the ids, as a mask, is as it is.
        """
        slopes = self._in_graph if len(tokens) > _FEW_TEXTS else self._slopes
        steps = FEWEST_STEPS
        weights = np.full(steps + 1, 1 / steps)
        weights[[0, -1]] /= 2
        with self._one_at_a_time:
            along = partial(self._along, slopes)
            added, odds = along(tokens, said, np.linspace(0, 1, steps + 1), weights)
            base, logit = odds[:, 0], odds[:, -1]
            while True:
                gap = np.abs(base + added.sum(axis=1) - logit)
                rows = np.flatnonzero(gap > GAP)
                if not len(rows) or steps >= self._most_steps:
                    return WordParts(added, base, gap)
                between = (np.arange(steps) + 0.5) / steps
                more, _ = along(tokens[rows], said[rows], between, np.full(steps, 1 / steps))
                added[rows] = (added[rows] + more) / 2
                steps *= 2

    def _along(
        self,
        slopes: Callable[..., tuple[tf.Tensor, tf.Tensor]],
        tokens: np.ndarray,
        said: np.ndarray,
        shares: np.ndarray,
        weights: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the parts at these shares of the line, added up (n, maxlen), and all log-odds."""
        texts = np.repeat(np.arange(len(tokens)), len(shares))
        at, weight = np.tile(shares.astype(np.float32), len(tokens)), np.tile(weights, len(tokens))
        added, odds = np.zeros(tokens.shape), np.zeros(len(texts))
        rows = max(1, _TOKENS // tokens.shape[1])
        for start in range(0, len(texts), rows):
            some = slice(start, start + rows)
            asked = tokens[texts[some]], said[texts[some]], at[some]
            parts, odds[some] = slopes(*map(tf.constant, asked))
            np.add.at(added, texts[some], weight[some, None] * parts.numpy())
        return added, odds.reshape(len(tokens), len(shares))

    def _slopes(
        self, tokens: tf.Tensor, said: tf.Tensor, shares: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return what each token would add if its slope here were that of all the line."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            self._line, self._shares, self._tape = [], shares, tape
            odds = _log_odds(logits_of(self._model(tokens, training=False)), said)
        points, ways = zip(*self._line, strict=True)
        slopes = tape.gradient(odds, points, unconnected_gradients="zero")
        parts = [
            tf.reduce_sum(tf.cast(slope, "float") * tf.cast(way, "float"), axis=-1)
            for slope, way in zip(slopes, ways, strict=True)
        ]
        return tf.add_n(parts), odds

    def _look_up(self, number: int, look_up: Callable[[Any], Any], ids: tf.Tensor) -> tf.Tensor:
        """Stand in for an embedding's `call`: give the point of the line, not the words' vectors.

        Once, as the model is opened, note instead which embeddings take the ids.
        """
        vectors = look_up(ids)
        if self._tape is None and np.array_equal(ids, self._probe):
            self._of_words.add(number)
        if self._tape is None or number not in self._of_words:
            return vectors
        nothing = look_up(tf.where(ids > START_ID, tf.zeros_like(ids), ids))  # the id of padding
        way = vectors - nothing
        point = nothing + tf.cast(self._shares, way.dtype)[:, None, None] * way
        self._tape.watch(point)
        self._line.append((point, way))
        return point


def _log_odds(logits: tf.Tensor, said: tf.Tensor) -> tf.Tensor:
    """Return those of the answers against all others, shape (n,), of logits (n, numbers)."""
    if logits.shape[1] == 1:
        logits = tf.concat([tf.zeros_like(logits), logits], axis=1)
    is_said = tf.one_hot(said, class_count(logits.shape[1]), on_value=True, off_value=False)
    others = tf.reduce_logsumexp(tf.where(is_said, logits.dtype.min, logits), axis=1)
    return tf.reduce_sum(tf.where(is_said, logits, 0), axis=1) - others
