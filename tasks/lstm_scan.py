"""The recurrence of an LSTM layer with its gradient written out, for training on a CPU.

Keras leaves the gradient to TensorFlow, which multiplies small matrices in every step of time for
each weight. Here a step has one multiplication; those for the weights are done once for all steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorflow as tf


@dataclass(frozen=True)
class _Step:
    """What the gradient needs of one step of time; all of shape (batch, units) but `sigmoids`."""

    time: int
    output_before: tf.Tensor
    cell_before: tf.Tensor
    sigmoids: tf.Tensor
    input_gate: tf.Tensor
    forget_gate: tf.Tensor
    output_gate: tf.Tensor
    candidate: tf.Tensor
    cell_tanh: tf.Tensor


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
        projected: Inputs times kernel plus bias, (time, batch, 4 * units), `gates_last`; the
            time is known when this is traced.
        recurrent: Recurrent kernel (units, 4 * units), `gates_last`.
        backwards: Whether the last time is read first.
        sequences: Whether to return the outputs of all times, each at its own place.

    Returns:
        (time, batch, units), or the last output read, (batch, units).
    """
    import tensorflow as tf

    def scan(projected: tf.Tensor, recurrent: tf.Tensor) -> tuple[tf.Tensor, Callable[..., object]]:
        steps, outputs = _forward(projected, recurrent, backwards=backwards)
        last = outputs[steps[-1].time]

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return _backward(steps, recurrent, upstream, sequences=sequences)

        return tf.stack(outputs) if sequences else last, gradient

    result: tf.Tensor = tf.custom_gradient(scan)(projected, recurrent)
    return result


def _forward(
    projected: tf.Tensor, recurrent: tf.Tensor, *, backwards: bool
) -> tuple[list[_Step], list[tf.Tensor]]:
    """Return the steps in the order in which they are read, and the outputs in order of time."""
    import tensorflow as tf

    units = recurrent.shape[0]
    inputs = tf.unstack(projected)
    times = range(len(inputs))
    output = cell = tf.zeros_like(inputs[0][:, :units])
    steps, outputs = [], [output] * len(inputs)
    for time in reversed(times) if backwards else times:
        output_before, cell_before = output, cell
        summed = inputs[time] + tf.matmul(output, recurrent)
        to_sigmoid, to_tanh = tf.split(summed, [3 * units, units], axis=-1)
        sigmoids, candidate = tf.sigmoid(to_sigmoid), tf.tanh(to_tanh)
        input_gate, forget_gate, output_gate = tf.split(sigmoids, 3, axis=-1)
        cell = forget_gate * cell + input_gate * candidate
        cell_tanh = tf.tanh(cell)
        output = output_gate * cell_tanh
        outputs[time] = output
        steps.append(
            _Step(
                time=time,
                output_before=output_before,
                cell_before=cell_before,
                sigmoids=sigmoids,
                input_gate=input_gate,
                forget_gate=forget_gate,
                output_gate=output_gate,
                candidate=candidate,
                cell_tanh=cell_tanh,
            )
        )
    return steps, outputs


def _backward(
    steps: list[_Step], recurrent: tf.Tensor, upstream: tf.Tensor, *, sequences: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the gradients of `projected` and `recurrent`."""
    import tensorflow as tf

    through_sigmoid, through_tanh = tf.raw_ops.SigmoidGrad, tf.raw_ops.TanhGrad
    from_above = tf.unstack(upstream) if sequences else None
    transposed = tf.transpose(recurrent)
    d_cell = tf.zeros_like(steps[0].candidate)
    d_output = d_cell if sequences else upstream
    d_summed = [d_cell] * len(steps)
    for step in reversed(steps):
        if from_above is not None:
            d_output = d_output + from_above[step.time]
        d_cell = d_cell + through_tanh(y=step.cell_tanh, dy=d_output * step.output_gate)
        d_sigmoids = tf.concat(
            [d_cell * step.candidate, d_cell * step.cell_before, d_output * step.cell_tanh], axis=-1
        )
        d_step = tf.concat(
            [
                through_sigmoid(y=step.sigmoids, dy=d_sigmoids),
                through_tanh(y=step.candidate, dy=d_cell * step.input_gate),
            ],
            axis=-1,
        )
        d_summed[step.time] = d_step
        d_output = tf.matmul(d_step, transposed)
        d_cell = d_cell * step.forget_gate
    read = [d_summed[step.time] for step in steps]
    before = [step.output_before for step in steps]
    d_recurrent = tf.matmul(tf.concat(before, 0), tf.concat(read, 0), transpose_a=True)
    return tf.stack(d_summed), d_recurrent
