"""The recurrence of an LSTM layer with its gradient written out, for training on a CPU.

Keras leaves the gradient to TensorFlow, which multiplies small matrices in every step of time for
each weight, and starts some dozen operations in each. Here a step of time has one multiplication,
the loop is machine code, and the multiplications for the weights are done once for all times.
"""

from collections.abc import Callable

import tensorflow as tf

from tasks.model.kernels.xla import compiled


def lstm_scan(projected: tf.Tensor, recurrent: tf.Tensor) -> tf.Tensor:
    """Return the outputs of an LSTM (Hochreiter and Schmidhuber, 1997), as Keras's layer does.

    `projected` is inputs times kernel plus bias, (time, batch, 4 * units), and read from time 0 on;
    the recurrent kernel is (units, 4 * units), the outputs are (time, batch, units).
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator] # TensorFlow is not typed
    def scan(projected: tf.Tensor, recurrent: tf.Tensor) -> tuple[tf.Tensor, Callable[..., object]]:
        outputs, gates, cells = compiled(_forward)(projected, recurrent)

        def gradient(d_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            d_summed = compiled(_backward)(d_outputs, gates, cells, recurrent)
            before = tf.concat([tf.zeros_like(outputs[:1]), outputs[:-1]], axis=0)
            flat = (tf.reshape(part, [-1, part.shape[-1]]) for part in (before, d_summed))
            return d_summed, tf.matmul(*flat, transpose_a=True)

        return outputs, gradient

    result: tf.Tensor = scan(projected, recurrent)
    return result


def _forward(projected: tf.Tensor, recurrent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return outputs, hyperbolic tangents of the gates and cells of all times.

    The gates are i, f, c, o, of which c is a tangent by itself; a sigmoid is (1 + tanh(x / 2)) / 2.
    """
    times, batch, units = tf.shape(projected)[0], tf.shape(projected)[1], recurrent.shape[0]
    halves = tf.repeat(tf.constant([0.5, 0.5, 1.0, 0.5]), units)
    recurrent = recurrent * halves

    def step(
        time: tf.Tensor, output: tf.Tensor, cell: tf.Tensor, *written: tf.TensorArray
    ) -> tuple[object, ...]:
        gates = tf.tanh(projected[time] * halves + tf.matmul(output, recurrent))
        input_gate, forget_gate, candidate, output_gate = _opened(gates)
        cell = forget_gate * cell + input_gate * candidate
        output = output_gate * tf.tanh(cell)
        values = zip(written, (output, gates, cell), strict=True)
        return time + 1, output, cell, *(array.write(time, value) for array, value in values)

    nothing = tf.zeros([batch, units])
    begin = (tf.constant(0), nothing, nothing, *_arrays(times, units, 4 * units, units))
    _, _, _, *written = tf.while_loop(lambda time, *_: time < times, step, begin)
    outputs, gates, cells = (array.stack() for array in written)
    return outputs, gates, cells


def _backward(
    d_outputs: tf.Tensor, gates: tf.Tensor, cells: tf.Tensor, recurrent: tf.Tensor
) -> tf.Tensor:
    """Return the gradient of `projected` by that of the outputs."""
    times, batch, units = tf.shape(cells)[0], tf.shape(cells)[1], recurrent.shape[0]
    input_gate, forget_gate, candidate, output_gate = _opened(gates)
    cell_tanh = tf.tanh(cells)
    cell_before = tf.concat([tf.zeros_like(cells[:1]), cells[:-1]], axis=0)
    output_to_cell = output_gate * (1 - cell_tanh**2)
    # What a change of the cell does to i, f and c, and one of the output to o, at all times.
    by_cell = tf.stack(
        [
            candidate * input_gate * (1 - input_gate),
            cell_before * forget_gate * (1 - forget_gate),
            input_gate * (1 - candidate**2),
        ],
        axis=2,
    )
    by_output = cell_tanh * output_gate * (1 - output_gate)
    transposed = tf.transpose(recurrent)

    def step(
        time: tf.Tensor, d_output: tf.Tensor, d_cell: tf.Tensor, written: tf.TensorArray
    ) -> tuple[object, ...]:
        d_output = d_output + d_outputs[time]
        d_cell = d_cell + d_output * output_to_cell[time]
        d_first = tf.reshape(by_cell[time] * d_cell[:, None], [batch, 3 * units])
        d_summed = tf.concat([d_first, d_output * by_output[time]], axis=-1)
        d_before = tf.matmul(d_summed, transposed)
        return time - 1, d_before, d_cell * forget_gate[time], written.write(time, d_summed)

    nothing = tf.zeros([batch, units])
    begin = (times - 1, nothing, nothing, *_arrays(times, 4 * units))
    *_, written = tf.while_loop(lambda time, *_: time >= 0, step, begin)
    return written.stack()


def _opened(gates: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return i, f, c and o by the tangents of the gates."""
    i, f, c, o = tf.split(gates, 4, axis=-1)
    return i * 0.5 + 0.5, f * 0.5 + 0.5, c, o * 0.5 + 0.5


def _arrays(times: tf.Tensor, *widths: int) -> list[tf.TensorArray]:
    return [tf.TensorArray(tf.float32, times, element_shape=(None, width)) for width in widths]
