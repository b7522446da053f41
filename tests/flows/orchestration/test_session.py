"""What is imported while a temporary server starts, and for which runs."""

import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.orchestration import session
from flows.pipelines import train
from tasks.config.request import TrainOptions
from tests.support.polling import wait_for
from tests.support.start_run import ngram_config

SELDOM = "colorsys"  # nothing else that is imported here needs it


def test_libraries_are_imported_while_the_server_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, SELDOM, raising=False)
    monkeypatch.setattr(
        session, "get_client", lambda **_: wait_for(lambda: SELDOM in sys.modules, 30)
    )
    with temporary_settings({PREFECT_HOME: tmp_path}, restore_defaults={PREFECT_API_URL}):
        session._require_server([SELDOM])
    assert SELDOM in sys.modules


def test_only_the_first_run_of_a_folder_surely_imports_what_a_training_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(session, "result_of", lambda *_, libraries, **__: asked.append(libraries))
    options = TrainOptions(
        config=ngram_config(tmp_path / "r.csv"), accelerator="cpu", artifacts=tmp_path
    )
    train.train_here(options)
    (tmp_path / "runs/20260101T000000Z-00000000").mkdir(parents=True)
    train.train_here(options)
    first, second = asked
    assert "keras" in first
    assert second == ()
