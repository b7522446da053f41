"""A small source and a small network: a whole run in seconds."""

import json
import random
from pathlib import Path
from typing import Any

from tasks.config.training import (
    ConvBilstmConfig,
    DataConfig,
    FitConfig,
    NgramBagConfig,
    ProtocolConfig,
    SourceConfig,
    TextConfig,
    TrainingConfig,
)
from tasks.data.load import load_reviews
from tasks.data.pad import pad_reviews
from tasks.data.persist import persist_parquet
from tasks.data.review_files import read_labels
from tasks.model.build import build_model
from tasks.training.plan import TrainingPlan
from tasks.training.train import train_model
from tests.support.review_samples import source_of

GOOD = ["fine", "lovely", "great", "warm", "clever"]

BAD = ["dull", "weak", "poor", "cold", "messy"]

OTHER = ["the", "film", "plot", "cast", "was", "and", "scene", "music", "ending"]

BAG = NgramBagConfig(ngram_words=1, ngram_buckets=512)
"""The network that trains in the shortest time, for what is the same with any."""


SMALL_OPTIONS: dict[str, Any] = {
    "num_words": 40,
    "maxlen": 12,
    "architecture": "ngram_bag",
    "ngram_words": BAG.ngram_words,
    "ngram_buckets": BAG.ngram_buckets,
}
"""That network as fields by name, as from Python."""


def write_reviews(path: Path, rows: int, seed: int = 0) -> Path:
    """Write `rows` reviews as CSV, half of each label, told apart by their words."""
    chance = random.Random(seed)
    lines = ["text,label"]
    for row in range(rows):
        words = GOOD if row % 2 else BAD
        text = [chance.choice(OTHER) for _ in range(chance.randint(3, 9))]
        text += [chance.choice(words) for _ in range(3)]
        chance.shuffle(text)
        lines.append(f"{' '.join(text)} {row},{'pos' if row % 2 else 'neg'}")
    path.write_text("\n".join(lines) + "\n")
    return path


def small_plan(
    prepared: Path, folder: Path, fit: FitConfig | None = None, **more: Any
) -> TrainingPlan:
    """Return what is needed to train on small prepared reviews."""
    config = small_config(prepared)
    files = {
        "initial_model": prepared / "initial_model.keras",
        "train": prepared / "train.parquet",
        "validation": prepared / "validation.parquet",
    }
    chosen = {"network": config.network, "fit": fit or config.fit, "folder": folder}
    return TrainingPlan(**{**files, **chosen, **more})


def train_small(
    prepared: Path, folder: Path, fit: FitConfig | None = None, **more: Any
) -> dict[str, Any]:
    """Train so, and return the facts and the history."""
    folder.mkdir(exist_ok=True)
    facts = train_model(small_plan(prepared, folder, fit, **more))
    return facts | {"history": json.loads((folder / "history.json").read_text())}


def train_bag(
    prepared: Path, folder: Path, fit: FitConfig | None = None, **more: Any
) -> dict[str, Any]:
    """Do the same with the network that trains in the shortest time."""
    initial = prepared / "bag/initial_model.keras"
    return train_small(prepared, folder, fit, initial_model=initial, network=BAG, **more)


def small_config(
    train_file: Path, *, protocol: str = "honest", epochs: int = 2, seed: int = 0
) -> TrainingConfig:
    """Return a config that trains a tiny network on `train_file`."""
    return TrainingConfig(
        source=SourceConfig(source="files", train_file=train_file),
        data=DataConfig(row_group_rows=64),
        text=TextConfig(num_words=40, maxlen=12),
        protocol=ProtocolConfig.model_validate({"protocol": protocol}),
        network=ConvBilstmConfig(
            embedding_dim=4, filters=4, kernel_size=3, pool_size=2, lstm_units=3, last_lstm_units=2
        ),
        fit=FitConfig(seed=seed, epochs=epochs, batch_size=16, learning_rate=0.01),
    )


def write_sets(reviews: Path, folder: Path, data: DataConfig, text: TextConfig) -> Path:
    """Load, pad and persist `reviews`, in a folder each, and return that of the Parquet files."""
    loaded, padded, persisted = (folder / name for name in ("loaded", "padded", "persisted"))
    for part in (loaded, padded, persisted):
        part.mkdir(parents=True)
    load_reviews(source_of("files", train=reviews), data, loaded)
    sets = loaded / "train.parquet", loaded / "test.parquet"
    pad_reviews(*sets, text, ProtocolConfig(), padded)
    files = {path.stem: path for path in padded.iterdir()}
    persist_parquet(files, {}, data.row_group_rows, persisted)
    return persisted


def prepare(reviews: Path, folder: Path) -> Path:
    """Return a folder with what a training needs, with the network of the small config or a bag."""
    config = small_config(reviews)
    prepared = write_sets(reviews, folder, config.data, config.text)
    classes = int(read_labels(prepared / "train.parquet").max()) + 1
    for network, place in ((config.network, prepared), (BAG, prepared / "bag")):
        place.mkdir(exist_ok=True)
        build_model(config.text.num_words, config.text.maxlen, network, 0, place, classes)
    return prepared
