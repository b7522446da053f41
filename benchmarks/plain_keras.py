"""The tutorial as one plain script: no cache, no records, no orchestration.

This is the other side of the comparisons; it uses nothing of this project.
"""

from pathlib import Path

import cyclopts
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from keras.src.datasets import imdb as keras_imdb
from rich.console import Console

Reviews = tuple[np.ndarray, np.ndarray]

NUM_WORDS, MAXLEN, BATCH_SIZE = 10_000, 200, 64


def load_padded() -> tuple[Reviews, Reviews]:
    """Return training and test set: int32 tokens (25000, 200), labels (25000,)."""
    (x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=NUM_WORDS)
    x_train = keras.utils.pad_sequences(x_train, maxlen=MAXLEN)
    x_test = keras.utils.pad_sequences(x_test, maxlen=MAXLEN)
    return (x_train, y_train), (x_test, y_test)


def build_model() -> keras.Sequential:
    """Return the compiled network: (batch, 200) token ids to (batch, 1) probabilities."""
    model = keras.Sequential(
        [
            keras.Input((MAXLEN,), dtype="int32"),
            layers.Embedding(NUM_WORDS, 200),
            layers.Dropout(0.5),
            layers.Conv1D(64, 5, padding="valid", activation="relu", strides=1),
            layers.MaxPooling1D(pool_size=4),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.Dropout(0.5),
            layers.Bidirectional(layers.LSTM(32)),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def train(
    model: keras.Model, sets: tuple[Reviews, Reviews], best: Path, epochs: int
) -> dict[str, list[float]]:
    """Fit the model, keep the best epoch in the file `best`, and return the history."""
    (x_train, y_train), test = sets
    callbacks = [
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=4),
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=2),
        keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True),
    ]
    history: dict[str, list[float]] = model.fit(
        x_train,
        y_train,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=test,
        callbacks=callbacks,
    ).history
    return history


def draw(history: dict[str, list[float]], name: str, folder: Path) -> None:
    """Write `<name>.png`, training and validation by epoch."""
    plt.figure(figsize=(12, 6))
    plt.plot(history[name], label=f"training {name}")
    plt.plot(history[f"val_{name}"], label=f"validation {name}")
    plt.xlabel("epoch")
    plt.ylabel(name)
    plt.legend()
    plt.savefig(folder / f"{name}.png")
    plt.close()


def main(*, npz: Path, out: Path, epochs: int) -> None:
    """Train, score the best epoch, draw.

    Args:
        npz: A local file in the format of imdb.npz.
        out: Folder of model and charts.
        epochs: Most epochs.
    """
    keras.utils.set_random_seed(0)
    # By itself `load_data` takes only the one file that it has pinned.
    keras_imdb.get_file = lambda **_: str(npz)
    sets = load_padded()
    model = build_model()
    best = out / "best_model.keras"
    history = train(model, sets, best, epochs)
    _, accuracy = keras.models.load_model(best).evaluate(*sets[1])
    Console(highlight=False).print(f"Test Accuracy: {accuracy:.4f}")
    draw(history, "loss", out)
    draw(history, "accuracy", out)


if __name__ == "__main__":
    cyclopts.run(main)
