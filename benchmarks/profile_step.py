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

BATCH, MAXLEN, WORDS, WIDTH, FILTERS, TIME, UNITS = 64, 200, 10_000, 200, 64, 49, 64
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


def with_gradient(function: Callable[..., Any]) -> Callable[..., object]:
    """Return a function that computes the gradients of the sum of the squares, too."""
    import tensorflow as tf

    def both(*arguments: tf.Tensor) -> object:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            score = tf.reduce_sum(function(*arguments) ** 2)
        return tape.gradient(score, arguments)

    return both


def convolution_parts() -> list[Part]:
    """Return the convolution in both types."""
    import tensorflow as tf

    words = tf.random.stateless_normal((BATCH, MAXLEN, WIDTH), (0, 0))
    kernel = tf.random.stateless_normal((5, WIDTH, FILTERS), (0, 1))

    def convolve(kind: tf.DType) -> Callable[..., object]:
        return with_gradient(
            lambda words, kernel: tf.cast(
                tf.nn.conv1d(tf.cast(words, kind), tf.cast(kernel, kind), 1, "VALID"), tf.float32
            )
        )

    return [
        ("convolution", "Keras, fast", convolve(tf.float32), [words, kernel]),
        ("convolution", "fast_bfloat16", convolve(tf.bfloat16), [words, kernel]),
    ]


def dropout_parts() -> list[Part]:
    """Return the dropout of the words' vectors."""
    import tensorflow as tf
    from tasks.byte_dropout import byte_dropout

    words = tf.random.stateless_normal((BATCH, MAXLEN, WIDTH), (0, 0))
    seed = tf.constant([1, 2])
    return [
        ("dropout", "Keras", lambda x: tf.nn.experimental.stateless_dropout(x, 0.5, seed), [words]),
        ("dropout", "fast", lambda x: byte_dropout(x, 0.5, seed), [words]),
    ]


def lstm_parts() -> list[Part]:
    """Return one direction of the first LSTM."""
    import keras
    import tensorflow as tf

    from tasks.lstm_scan import gates_last, lstm_scan

    inputs = tf.random.stateless_normal((BATCH, TIME, FILTERS), (0, 0))
    by_time = tf.transpose(inputs, [1, 0, 2])
    layer = keras.layers.LSTM(UNITS, return_sequences=True)
    layer.build(inputs.shape)
    kernel, recurrent, bias = (
        gates_last(tf.convert_to_tensor(weight.value)) for weight in layer.weights[:3]
    )

    def by_keras(inputs: tf.Tensor) -> object:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            score = tf.reduce_sum(layer(inputs) ** 2)
        weights = [weight.value for weight in layer.trainable_weights]
        return tape.gradient(score, [inputs, *weights])

    def scanned(inputs: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        kernel, recurrent, bias = weights
        return lstm_scan(inputs @ kernel + bias, recurrent, backwards=False, sequences=True)

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

    from tasks.fused_adam import FusedAdam

    rows = tf.random.stateless_normal((BATCH * MAXLEN, WIDTH), (0, 0))
    words = tf.random.stateless_uniform((BATCH * MAXLEN,), (0, 1), 0, WORDS, tf.int32)

    def update(optimizer: keras.optimizers.Optimizer) -> Callable[..., object]:
        table = keras.Variable(tf.zeros((WORDS, WIDTH)))
        optimizer.build([table])

        def apply(rows: tf.Tensor, words: tf.Tensor) -> None:
            optimizer.apply([tf.IndexedSlices(rows, words, tf.constant([WORDS, WIDTH]))])

        return apply

    return [
        ("Adam, words' vectors", "Keras", update(keras.optimizers.Adam()), [rows, words]),
        ("Adam, words' vectors", "fast", update(FusedAdam()), [rows, words]),
    ]


def main(*, repeats: int = 10) -> None:
    """Print the table.

    Args:
        repeats: Calls in a round; the quickest of three rounds counts.
    """
    table = Table("part", "by", "CPU time, ms")
    for make in (convolution_parts, dropout_parts, lstm_parts, optimizer_parts):
        for part, by, function, arguments in make():
            took = cpu_milliseconds(function, arguments, repeats)
            table.add_row(part, by, f"{took:.1f}")
    Console(highlight=False).print(table)


if __name__ == "__main__":
    cyclopts.run(main)
