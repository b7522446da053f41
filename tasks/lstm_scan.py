"""The recurrence of an LSTM layer with its gradient written out, for training on a CPU.

Keras leaves the gradient to TensorFlow, which multiplies small matrices in every step of time for
each weight. Here a step has one multiplication; those for the weights are done once for all steps.
The steps are a loop in the graph: written out one after another they are a little faster, but
take seconds to trace, and for one length of time only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorflow as tf


@dataclass(frozen=True)
class _Kept:
    """What the gradient needs of each step, in the order of the steps."""

    sigmoids: tf.TensorArray
    candidate: tf.TensorArray
    cell_before: tf.TensorArray
    cell_tanh: tf.TensorArray


def gates_last(weights: tf.Tensor) -> tf.Tensor:
    """Return weights (..., 4 * units) with Keras's order of gates i, f, c, o changed to i, f, o, c.

    The three sigmoids then lie side by side.
    """
    import tensorflow as tf

    i, f, c, o = tf.split(weights, 4, axis=-1)
    return tf.concat([i, f, o, c], axis=-1)


def lstm_scan(
    projected: tf.Tensor, recurrent: tf.Tensor, *, backwards: bool, sequences: bool
) -> tf.Tensor:
    """Return the outputs of an LSTM (Hochreiter and Schmidhuber, 1997), as Keras's layer does.

    Args:
        projected: Inputs times kernel plus bias, (time, batch, 4 * units), `gates_last`.
        recurrent: Recurrent kernel (units, 4 * units), `gates_last`.
        backwards: Whether the last time is read first.
        sequences: Whether to return the outputs of all times, each at its own place.

    Returns:
        (time, batch, units), or the last output read, (batch, units).
    """
    import tensorflow as tf

    def scan(projected: tf.Tensor, recurrent: tf.Tensor) -> tuple[tf.Tensor, Callable[..., object]]:
        last, outputs, kept = _forward(projected, recurrent, backwards=backwards)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            d_last, d_outputs = (None, upstream) if sequences else (upstream, None)
            return _backward(outputs, kept, recurrent, d_last, d_outputs, backwards=backwards)

        return _as_read(outputs, backwards=backwards) if sequences else last, gradient

    result: tf.Tensor = tf.custom_gradient(scan)(projected, recurrent)
    return result


def _as_read(by_time: tf.Tensor, *, backwards: bool) -> tf.Tensor:
    """Return the times in the order in which they are read, or in their own from that one."""
    import tensorflow as tf

    return tf.reverse(by_time, [0]) if backwards else by_time


def _forward(
    projected: tf.Tensor, recurrent: tf.Tensor, *, backwards: bool
) -> tuple[tf.Tensor, tf.Tensor, _Kept]:
    """Return the last output, all outputs as read, and what the gradient needs."""
    import tensorflow as tf

    units = recurrent.shape[0]
    times = tf.shape(projected)[0]
    inputs = _arrays(times, 4 * units)[0].unstack(projected)
    nothing = tf.zeros([tf.shape(projected)[1], units])

    def step(
        number: tf.Tensor, output: tf.Tensor, cell_before: tf.Tensor, *written: tf.TensorArray
    ) -> tuple[object, ...]:
        time = times - 1 - number if backwards else number
        summed = inputs.read(time) + tf.matmul(output, recurrent)
        to_sigmoid, to_tanh = tf.split(summed, [3 * units, units], axis=-1)
        sigmoids, candidate = tf.sigmoid(to_sigmoid), tf.tanh(to_tanh)
        input_gate, forget_gate, output_gate = tf.split(sigmoids, 3, axis=-1)
        cell = forget_gate * cell_before + input_gate * candidate
        cell_tanh = tf.tanh(cell)
        output = output_gate * cell_tanh
        values = (output, sigmoids, candidate, cell_before, cell_tanh)
        pairs = zip(written, values, strict=True)
        return number + 1, output, cell, *(array.write(number, value) for array, value in pairs)

    arrays = _arrays(times, units, 3 * units, units, units, units)
    begin = (tf.constant(0), nothing, nothing, *arrays)
    _, last, _, outputs, *kept = tf.while_loop(lambda number, *_: number < times, step, begin)
    return last, outputs.stack(), _Kept(*kept)


def _backward(
    outputs: tf.Tensor,
    kept: _Kept,
    recurrent: tf.Tensor,
    d_last: tf.Tensor | None,
    d_outputs: tf.Tensor | None,
    *,
    backwards: bool,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the gradients of `projected` and `recurrent`, by that of the last or all outputs."""
    import tensorflow as tf

    units, times = recurrent.shape[0], tf.shape(outputs)[0]
    through_sigmoid, through_tanh = tf.raw_ops.SigmoidGrad, tf.raw_ops.TanhGrad
    transposed = tf.transpose(recurrent)
    nothing = tf.zeros_like(outputs[0])
    from_above = None if d_outputs is None else _arrays(times, units)[0].unstack(d_outputs)

    def step(
        number: tf.Tensor, d_output: tf.Tensor, d_cell: tf.Tensor, written: tf.TensorArray
    ) -> tuple[object, ...]:
        if from_above is not None:
            d_output = d_output + from_above.read(times - 1 - number if backwards else number)
        sigmoids, candidate = kept.sigmoids.read(number), kept.candidate.read(number)
        input_gate, forget_gate, output_gate = tf.split(sigmoids, 3, axis=-1)
        cell_tanh = kept.cell_tanh.read(number)
        d_cell = d_cell + through_tanh(y=cell_tanh, dy=d_output * output_gate)
        d_gates = [d_cell * candidate, d_cell * kept.cell_before.read(number), d_output * cell_tanh]
        d_summed = tf.concat(
            [
                through_sigmoid(y=sigmoids, dy=tf.concat(d_gates, axis=-1)),
                through_tanh(y=candidate, dy=d_cell * input_gate),
            ],
            axis=-1,
        )
        d_before = tf.matmul(d_summed, transposed)
        return number - 1, d_before, d_cell * forget_gate, written.write(number, d_summed)

    begin = (times - 1, nothing if d_last is None else d_last, nothing, *_arrays(times, 4 * units))
    *_, written = tf.while_loop(lambda number, *_: number >= 0, step, begin)
    d_summed = written.stack()
    before = tf.concat([nothing[None], outputs[:-1]], axis=0)
    d_recurrent = tf.matmul(
        tf.reshape(before, [-1, units]), tf.reshape(d_summed, [-1, 4 * units]), transpose_a=True
    )
    return _as_read(d_summed, backwards=backwards), d_recurrent


def _arrays(times: tf.Tensor, *widths: int) -> list[tf.TensorArray]:
    import tensorflow as tf

    return [tf.TensorArray(tf.float32, times, element_shape=(None, width)) for width in widths]
