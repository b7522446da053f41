"""One Transformer block over words and their places (Vaswani and others, NeurIPS 2017)."""

import keras
from keras import layers, ops

embed_dim = 32
num_heads = 2


class WordsAndPlaces(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim, **options):
        super().__init__(**options)
        self.words = layers.Embedding(vocab_size, embed_dim)
        self.places = layers.Embedding(maxlen, embed_dim)

    def call(self, tokens):
        return self.words(tokens) + self.places(ops.arange(ops.shape(tokens)[-1]))


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1, **options):
        super().__init__(**options)
        self.attention = layers.MultiHeadAttention(num_heads, embed_dim // num_heads)
        self.feed_forward = keras.Sequential(
            [layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)]
        )
        self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]
        self.dropouts = [layers.Dropout(rate), layers.Dropout(rate)]

    def call(self, words, training=False):
        seen = self.dropouts[0](self.attention(words, words), training=training)
        words = self.norms[0](words + seen)
        hidden = self.dropouts[1](self.feed_forward(words), training=training)
        return self.norms[1](words + hidden)


def build(data):
    inputs = layers.Input(shape=(data.maxlen,))
    x = WordsAndPlaces(data.maxlen, data.num_words, embed_dim)(inputs)
    x = TransformerBlock(embed_dim, num_heads, 2 * embed_dim)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.1)(x)
    outputs = layers.Dense(data.outputs, activation=data.activation)(x)
    return keras.Model(inputs=inputs, outputs=outputs)
