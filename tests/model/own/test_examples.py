"""Each network in `examples/networks` holds what the networks of the project hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.training import FitConfig, OwnNetworkConfig
from tasks.model.build import KnownReviews, build_users_model
from tasks.model.network import keras_network, open_network
from tasks.model.own.code import NetworkCode, read_network_code
from tasks.model.own.trust import trust_here
from tests.support.review_samples import padded_tokens
from tests.support.small_run import train_small

FOLDER = Path(__file__).parents[3] / "examples/networks"

EXAMPLES = sorted(FOLDER.glob("*.py"))

FIT = FitConfig(epochs=4, batch_size=16, learning_rate=0.02)


def code_of(file: Path) -> NetworkCode:
    return read_network_code(OwnNetworkConfig(network=f"{file}:build"))


def train(file: Path, prepared: Path, folder: Path, state: Path, epochs: int) -> dict[str, Any]:
    folder.mkdir(parents=True)
    code = code_of(file)
    trust_here(folder.parent, code)
    loaded = prepared.parent / "loaded"
    reviews = KnownReviews(loaded / "train.parquet", loaded / "vocabulary.json", 40, 12, 2)
    build_users_model(code, reviews, 0, folder)
    fit = FIT.model_copy(update={"epochs": epochs})
    initial = folder / "initial_model.keras"
    return train_small(prepared, folder, fit, initial_model=initial, network=None, state=state)


def test_there_are_examples_of_at_most_forty_lines() -> None:
    assert len(EXAMPLES) >= 5
    for file in EXAMPLES:
        assert len(file.read_text().splitlines()) <= 40


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_it_learns_resumes_bit_for_bit_and_answers_from_its_file(
    file: Path, prepared: Path, tmp_path: Path
) -> None:
    whole = train(file, prepared, tmp_path / "whole", tmp_path / "whole-state", 4)
    train(file, prepared, tmp_path / "first", tmp_path / "state", 2)
    assert train(file, prepared, tmp_path / "second", tmp_path / "state", 4) == whole
    assert max(whole["history"]["val_accuracy"]) > 0.9
    model, tokens = tmp_path / "whole/best_model.keras", padded_tokens(prepared / "test.parquet")
    expected = keras_network(model)(tokens)
    np.testing.assert_allclose(open_network(model)(tokens), expected, atol=1e-5)
