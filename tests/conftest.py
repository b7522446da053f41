"""Fixtures that several tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.train_command import quiet_prefect
from tests.small_run import write_reviews

quiet_prefect()


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A temporary Prefect server with its own database; starting it takes some seconds."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def small_reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 240 made-up reviews."""
    return write_reviews(tmp_path_factory.mktemp("reviews") / "reviews.csv", 240)
