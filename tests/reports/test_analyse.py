import logging
from pathlib import Path

import keras
import numpy as np
import pytest

from tasks.reports.analyse import _explained
from tests.support.made_models import small_model


def test_the_words_of_any_network_with_an_embedding_have_parts(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    file.write_bytes(small_model())
    explain = _explained(file)
    assert explain
    tokens = np.array([[0, 0, 0, 0, 0, 0, 0, 1, 4, 5, 6, 7]], np.int32)
    parts = explain(tokens, np.array([1]))
    assert (parts.of_tokens != 0).tolist() == (tokens > 1).tolist()


def test_a_report_without_colours_is_a_report_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "model.keras"
    keras.Sequential([keras.Input((12,)), keras.layers.Dense(1, "sigmoid")]).save(file)
    with caplog.at_level(logging.INFO, "tasks.reports.analyse"):
        assert _explained(file) is None
    assert "the most confident errors have no colours: no keras.layers.Embedding" in caplog.text
