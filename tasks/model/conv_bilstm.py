"""The tutorial's network: embedding, convolution, max pooling, two bidirectional LSTMs."""

import keras
from keras import layers

from tasks.config.training import ConvBilstmConfig
from tasks.model.probability_layer import probability_layer


def build_conv_bilstm(
    num_words: int, maxlen: int, network: ConvBilstmConfig, classes: int = 2
) -> keras.Sequential:
    """Return the uncompiled network.

    Input int32 (batch, maxlen), output float32 as of `probability_layer`.
    With the defaults the convolution gives (batch, 196, 64), the pooling (batch, 49, 64),
    and there are 2,171,393 parameters.
    """
    # Explicit names: automatic ones count the models of the process and so never repeat.
    return keras.Sequential(
        [
            keras.Input((maxlen,), dtype="int32", name="tokens"),
            layers.Embedding(num_words, network.embedding_dim, name="embedding"),
            layers.Dropout(network.dropout, name="word_dropout"),
            layers.Conv1D(
                network.filters, network.kernel_size, activation="relu", name="convolution"
            ),
            layers.MaxPooling1D(network.pool_size, name="pooling"),
            layers.Bidirectional(
                layers.LSTM(network.lstm_units, return_sequences=True, name="first_lstm"),
                name="first_bidirectional",
            ),
            layers.Dropout(network.dropout, name="sequence_dropout"),
            layers.Bidirectional(
                layers.LSTM(network.last_lstm_units, name="last_lstm"), name="last_bidirectional"
            ),
            probability_layer(classes),
        ],
        name="sentiment",
    )
