"""The tutorial's network with a faster training step on a CPU."""

import keras
import tensorflow as tf

from tasks.data.text.tokenizer import PAD_ID
from tasks.model.kernels.convolution import pooled_convolution
from tasks.model.kernels.dropout import dropped_words, hashed_dropout
from tasks.model.kernels.lstm import lstm_scan
from tasks.model.kernels.quick_form import QuickForm


def fast_network(network: keras.Sequential, batch_size: int) -> keras.Model:
    """Return a form of a network of `build_conv_bilstm` that trains it, and is saved as it.

    A training step computes the same function, but for rounding and for which numbers its dropout
    hits. A batch of less than `batch_size` is filled with empty reviews, whose probabilities are
    dropped: the code is compiled for each size.
    """
    generators = [keras.random.SeedGenerator(0), keras.random.SeedGenerator(0)]

    def trained(tokens: tf.Tensor) -> tf.Tensor:
        reviews = tf.shape(tokens)[0]
        seeds = [tf.cast(generator.next(), tf.int32) for generator in generators]
        return _probabilities(network, _filled(tokens, batch_size), *seeds)[:reviews]

    return QuickForm(network, trained, generators)


def _probabilities(
    network: keras.Sequential, tokens: tf.Tensor, word_seed: tf.Tensor, sequence_seed: tf.Tensor
) -> tf.Tensor:
    part = network.get_layer
    table, rate = part("embedding").embeddings.value, part("word_dropout").rate
    words = dropped_words(tf.convert_to_tensor(table), tokens, rate, word_seed)
    kernel, bias = (weight.value for weight in part("convolution").weights)
    found = pooled_convolution(words, kernel, bias, part("pooling").pool_size[0])
    first = tf.concat(_both_ways(found, part("first_bidirectional")), axis=-1)
    first = hashed_dropout(first, part("sequence_dropout").rate, sequence_seed)
    forward, backward = _both_ways(first, part("last_bidirectional"))
    last = tf.concat([forward[-1], backward[0]], axis=-1)
    answer = part("probability")
    logits = tf.matmul(last, answer.kernel.value) + answer.bias.value
    return tf.sigmoid(logits) if answer.units == 1 else tf.nn.softmax(logits)


def _both_ways(inputs: tf.Tensor, layer: keras.layers.Bidirectional) -> list[tf.Tensor]:
    """Return the outputs at all times of both LSTMs, for inputs (time, batch, features)."""
    read = []
    for backwards, part in enumerate((layer.forward_layer, layer.backward_layer)):
        kernel, recurrent, bias = (weight.value for weight in part.weights[:3])
        by_reading = tf.reverse(inputs, [0]) if backwards else inputs
        flat = tf.reshape(by_reading, [-1, inputs.shape[-1]])
        shape = [*tf.unstack(tf.shape(inputs)[:2]), kernel.shape[-1]]
        projected = tf.reshape(tf.matmul(flat, kernel) + bias, shape)
        outputs = lstm_scan(projected, recurrent)
        read.append(tf.reverse(outputs, [0]) if backwards else outputs)
    return read


def _filled(tokens: tf.Tensor, batch_size: int) -> tf.Tensor:
    missing = batch_size - tf.shape(tokens)[0]
    whole = tf.pad(tokens, [[0, missing], [0, 0]], constant_values=PAD_ID)
    return tf.ensure_shape(whole, (batch_size, tokens.shape[1]))
