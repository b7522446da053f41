"""Where the time of a training step goes: its parts by Keras and by the fast code, one by one.

`python -m benchmarks.profile_step` prints CPU milliseconds for a batch of 64 reviews, forward and
backward. The parts are timed alone, so that their sum is not quite a step.
"""

import time
from collections.abc import Callable
from typing import Any

import cyclopts
from rich.console import Console
from rich.table import Table

BATCH, MAXLEN, WORDS, WIDTH = 64, 200, 10_000, 200

TAPS, FILTERS, POOL, TIME, UNITS = 5, 64, 4, 49, 64

Part = tuple[str, str, Callable[..., object], list[Any]]


def cpu_milliseconds(function: Callable[..., object], arguments: list[Any], repeats: int) -> float:
    """Return the least CPU time of a call, out of three rounds of calls."""
    import tensorflow as tf

    compiled = tf.function(function, autograph=False)
    compiled(*arguments)
    rounds = []
    for _ in range(3):
        begin = time.process_time()
        for _ in range(repeats):
            compiled(*arguments)
        rounds.append((time.process_time() - begin) / repeats)
    return 1000 * min(rounds)


def with_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that computes the gradients of the sum of the squares, too."""
    import tensorflow as tf

    def both(*arguments: tf.Tensor) -> object:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            score = tf.reduce_sum(tf.square(function(*arguments)))
        return tape.gradient(score, arguments)

    return both


def word_parts() -> list[Part]:
    """Return the words' vectors with dropout, whose gradient is a whole table."""
    import tensorflow as tf

    from tasks.model.kernels.dropout import dropped_words

    table = tf.random.stateless_normal((WORDS, WIDTH), (0, 0))
    ranks = tf.random.stateless_uniform((BATCH, MAXLEN), (0, 1))
    words = tf.cast(WORDS**ranks, tf.int32) - 1  # most of them frequent ones, as in texts
    seed = tf.constant([1, 2])

    def by_keras(table: tf.Tensor) -> tf.Tensor:
        return tf.nn.experimental.stateless_dropout(tf.gather(table, words), 0.5, seed)

    def fast(table: tf.Tensor) -> tf.Tensor:
        return dropped_words(table, words, 0.5, seed)

    def whole(function: Callable[..., Any]) -> Callable[..., object]:
        return lambda table: tf.convert_to_tensor(with_gradient(function)(table)[0])

    name = "words' vectors, dropout"
    return [(name, "Keras", whole(by_keras), [table]), (name, "fast", whole(fast), [table])]


def convolution_parts() -> list[Part]:
    """Return the convolution with what follows it, up to the pooling."""
    import tensorflow as tf

    from tasks.model.kernels.convolution import pooled_convolution

    words = tf.random.stateless_normal((BATCH, MAXLEN, WIDTH), (0, 0))
    kernel = tf.random.stateless_normal((TAPS, WIDTH, FILTERS), (0, 1))
    bias = tf.zeros(FILTERS)

    def by_keras(words: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        found = tf.nn.relu(tf.nn.conv1d(words, kernel, 1, "VALID") + bias)
        return tf.nn.max_pool1d(found, POOL, POOL, "VALID")

    def fast(words: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        return pooled_convolution(words, kernel, bias, POOL)

    name = "convolution, pooling"
    return [
        (name, "Keras", with_gradient(by_keras), [words, kernel, bias]),
        (name, "fast", with_gradient(fast), [tf.transpose(words, [1, 0, 2]), kernel, bias]),
    ]


def lstm_parts() -> list[Part]:
    """Return one direction of the first LSTM."""
    import keras
    import tensorflow as tf

    from tasks.model.kernels.lstm import lstm_scan

    inputs = tf.random.stateless_normal((BATCH, TIME, FILTERS), (0, 0))
    by_time = tf.transpose(inputs, [1, 0, 2])
    layer = keras.layers.LSTM(UNITS, return_sequences=True)
    layer.build(inputs.shape)
    kernel, recurrent, bias = (tf.convert_to_tensor(weight.value) for weight in layer.weights[:3])

    def by_keras(inputs: tf.Tensor) -> object:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            score = tf.reduce_sum(tf.square(layer(inputs)))
        weights = [weight.value for weight in layer.trainable_weights]
        return tape.gradient(score, [inputs, *weights])

    def scanned(inputs: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        kernel, recurrent, bias = weights
        return lstm_scan(inputs @ kernel + bias, recurrent)

    return [
        ("first LSTM, one way", "Keras", by_keras, [inputs]),
        (
            "first LSTM, one way",
            "fast",
            with_gradient(scanned),
            [by_time, kernel, recurrent, bias],
        ),
    ]


def optimizer_parts() -> list[Part]:
    """Return Adam's update of the words' vectors."""
    import keras
    import tensorflow as tf

    from tasks.model.kernels.adam import fused_adam

    rows = tf.random.stateless_normal((BATCH * MAXLEN, WIDTH), (0, 0))
    words = tf.random.stateless_uniform((BATCH * MAXLEN,), (0, 1), 0, WORDS, tf.int32)
    by_rows = tf.IndexedSlices(rows, words, tf.constant([WORDS, WIDTH]))

    def update(optimizer: keras.optimizers.Optimizer) -> Callable[..., object]:
        table = keras.Variable(tf.zeros((WORDS, WIDTH)))
        optimizer.build([table])
        return lambda gradient: optimizer.apply([gradient])

    name = "Adam, words' vectors"
    return [
        (name, "Keras", update(keras.optimizers.Adam(0.001)), [by_rows]),
        (name, "fast", update(fused_adam(0.001)), [tf.convert_to_tensor(by_rows)]),
    ]


def main(*, repeats: int = 10) -> None:
    """Print the table.

    Args:
        repeats: Calls in a round; the quickest of three rounds counts.
    """
    table = Table("part", "by", "CPU time, ms")
    for make in (word_parts, convolution_parts, lstm_parts, optimizer_parts):
        for part, by, function, arguments in make():
            took = cpu_milliseconds(function, arguments, repeats)
            table.add_row(part, by, f"{took:.1f}")
    Console(highlight=False).print(table)


if __name__ == "__main__":
    cyclopts.run(main)
