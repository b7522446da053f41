"""Fixtures that several tests share."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from flows.train_command import begin_process
from tasks.build_model import build_model
from tasks.load_reviews import load_reviews
from tasks.pad_reviews import pad_reviews
from tasks.persist_parquet import persist_parquet
from tasks.source_files import SourceFiles
from tests.fault_table import fault_counts, fault_table, write_table
from tests.small_run import small_config, write_reviews

begin_process()
# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("no-deadline", deadline=None)
hypothesis.settings.load_profile("no-deadline")


# Files that take long come first, so that no worker is left alone with them in the end.
_LONGEST_FIRST = [
    f"test_{name}.py"
    for name in (
        "faults",
        "serve_flow",
        "resume",
        "prefect_ui",
        "server_death",
        "training_progress",
        "train_model",
        "champion_steps",
        "maintain_flow",
        "verify_run",
        "two_runs",
        "train_command",
        "sweep_flow",
        "ablation_flow",
        "seeds_flow",
    )
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files by how long they take."""
    places = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fault-table", type=Path, metavar="FILE", help="write the table of faults into FILE"
    )
    parser.addoption(
        "--screenshots", type=Path, metavar="FOLDER", help="keep the screenshots of pages in FOLDER"
    )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what the fault suite found."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
    ]
    counts = fault_counts(reports)
    if counts:
        table = fault_table(counts)
        terminalreporter.section("faults")
        terminalreporter.write(table)
        if file := config.getoption("--fault-table"):
            write_table(table, file)


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Prefect server with its own database; starting it takes some seconds."""
    from tests.real_server import prefect_server_process, talk_to

    with prefect_server_process(tmp_path_factory.mktemp("server")) as (url, _), talk_to(url):
        yield


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for screenshots of pages: that of `--screenshots`, or a temporary one."""
    folder: Path | None = pytestconfig.getoption("--screenshots")
    if folder is None:
        return tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def small_reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 240 made-up reviews."""
    return write_reviews(tmp_path_factory.mktemp("reviews") / "reviews.csv", 240)


@pytest.fixture(scope="session")
def prepared(small_reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train|validation|test.parquet` and `initial_model.keras`."""
    folder, config = tmp_path_factory.mktemp("prepared"), small_config(small_reviews)
    source = SourceFiles(
        source="files",
        form="files",
        paths={"train": small_reviews},
        sha256={"train": "x"},
        columns=("text", "label"),
        reason="r",
    )
    loaded = tmp_path_factory.mktemp("loaded")
    load_reviews(source, config.data, loaded)
    padded = tmp_path_factory.mktemp("padded")
    train, test = loaded / "train.parquet", loaded / "test.parquet"
    pad_reviews(train, test, config.text, config.protocol, padded)
    sets = {path.stem: path for path in padded.iterdir()}
    persist_parquet(sets, {}, 64, folder)
    build_model(config.text.num_words, config.text.maxlen, config.network, 0, folder)
    return folder
