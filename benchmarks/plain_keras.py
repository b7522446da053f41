"""The tutorial as one plain script: no cache, no records, no orchestration.

This is the other side of the comparisons; it uses nothing of this project.
"""

import argparse
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from keras.src.datasets import imdb as keras_imdb
from rich.console import Console

Reviews = tuple[np.ndarray, np.ndarray]


def read_arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--npz", type=Path, help="a local file in the format of imdb.npz")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of model and figures")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--maxlen", type=int, default=200)
    parser.add_argument("--num-words", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def use_local_file(npz: Path) -> None:
    """Make `load_data` read `npz`; by itself it takes only the one file that it has pinned."""
    keras_imdb.get_file = lambda **_: str(npz)


def load_padded(num_words: int, maxlen: int) -> tuple[Reviews, Reviews]:
    """Return training and test set: int32 tokens (25000, maxlen), labels (25000,)."""
    (x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=num_words)
    x_train = keras.utils.pad_sequences(x_train, maxlen=maxlen)
    x_test = keras.utils.pad_sequences(x_test, maxlen=maxlen)
    return (x_train, y_train), (x_test, y_test)


def build_model(num_words: int, maxlen: int) -> keras.Sequential:
    """Return the compiled network: (batch, maxlen) token ids to (batch, 1) probabilities."""
    model = keras.Sequential(
        [
            keras.Input((maxlen,), dtype="int32"),
            layers.Embedding(num_words, 200),
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
    model: keras.Model, sets: tuple[Reviews, Reviews], best: Path, epochs: int, batch_size: int
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
        batch_size=batch_size,
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


def main() -> None:
    """Train, score the best epoch, draw."""
    options = read_arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(options.seed)
    if options.npz is not None:
        use_local_file(options.npz)
    sets = load_padded(options.num_words, options.maxlen)
    model = build_model(options.num_words, options.maxlen)
    best = options.out / "best_model.keras"
    history = train(model, sets, best, options.epochs, options.batch_size)
    _, accuracy = keras.models.load_model(best).evaluate(*sets[1])
    Console(highlight=False).print(f"Test Accuracy: {accuracy:.4f}")
    draw(history, "loss", options.out)
    draw(history, "accuracy", options.out)


if __name__ == "__main__":
    main()
