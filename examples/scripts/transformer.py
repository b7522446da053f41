"""One Transformer block over words and their places (Vaswani and others, NeurIPS 2017)."""

import keras
import numpy as np
from keras import layers, ops

vocab_size = 20_000
maxlen = 200
embed_dim = 32
num_heads = 2

with np.load("reviews.npz") as reviews:
    x_train, y_train = reviews["x_train"], reviews["y_train"]
    x_val, y_val = reviews["x_test"], reviews["y_test"]


class WordsAndPlaces(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.words = layers.Embedding(vocab_size, embed_dim)
        self.places = layers.Embedding(maxlen, embed_dim)

    def call(self, tokens):
        return self.words(tokens) + self.places(ops.arange(ops.shape(tokens)[-1]))


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
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


inputs = layers.Input(shape=(maxlen,))
x = WordsAndPlaces(maxlen, vocab_size, embed_dim)(inputs)
x = TransformerBlock(embed_dim, num_heads, 2 * embed_dim)(x)
x = layers.GlobalAveragePooling1D()(x)
x = layers.Dropout(0.1)(x)
outputs = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(inputs=inputs, outputs=outputs)

model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=32, epochs=2, validation_data=(x_val, y_val))
loss, accuracy = model.evaluate(x_val, y_val)
