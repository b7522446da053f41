"""Fixtures that several tests share."""

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import hypothesis
import pytest
from filelock import FileLock

from flows.orchestration.process import begin_process
from tasks.common.atomic_files import write_text
from tasks.model.own.trust import TRUSTED
from tasks.run_summary import RunSummary
from tests.support.faults.fault_table import fault_counts, fault_table, write_table

if TYPE_CHECKING:
    from tests.support.run_forker import RunForker

# Compiled once: each of some hundred child processes would take seconds to compile the libraries.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Each test has a Prefect home of its own; fonts are looked for once.
os.environ.setdefault("MPLCONFIGDIR", str(Path.home() / ".cache/matplotlib"))


def _one_authority() -> Path:
    """Return a file with one certificate of an authority.

    Each client of Prefect reads all of its file, some hundred by default, and each run has three.
    """
    file = Path(__file__).parents[1] / ".pytest_cache/authority.pem"
    first, end, _ = Path(certifi.where()).read_text("utf-8").partition("END CERTIFICATE-----\n")
    write_text(file, first + end)
    return file


os.environ.setdefault("SSL_CERT_FILE", str(_one_authority()))

begin_process()

# How long an example takes says more about the machine than about the code. The same examples each
# time, so that a change is refused for what it does; `make fuzz` looks for others.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("random", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


_NEITHER_EVENTS_NOR_BLOCKS = {
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED": "false",
}
"""Settings of a server whose runs are asked for alone, a fifth of its work less; other servers that
tests start have their automations and all else."""

# Files that take long come first, so that no worker is left alone with them in the end.
_LONGEST_FIRST = [
    "faults/test_faults.py",
    "flows/scheduling/test_serve.py",
    "training/test_resume.py",
    "flows/scheduling/test_unattended_server.py",
    "flows/orchestration/test_prefect_ui.py",
    "flows/scheduling/test_postgresql.py",
    "flows/pipelines/test_train.py",
    "flows/pipelines/test_sweep.py",
    "flows/pipelines/test_maintain.py",
    "flows/pipelines/test_champion_steps.py",
    "faults/test_server_death.py",
    "flows/pipelines/test_seeds.py",
    "flows/pipelines/test_ablation.py",
    "model/test_architectures.py",
    "inference/bundle/test_export.py",
    "runs/test_verify.py",
    "flows/cli/test_train.py",
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files by how long they take, after their tests have been put in random order."""
    places = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    folder = Path(__file__).parent
    items.sort(key=lambda item: places.get(item.path.relative_to(folder).as_posix(), len(places)))


def pytest_runtest_setup() -> None:
    """Keep what was imported from the garbage collections of each step, of a third of a second."""
    gc.collect()
    gc.freeze()


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
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prefect server with its own database; starting it takes some seconds."""
    from tests.support.servers.real_server import prefect_server_process, talk_to

    server = prefect_server_process(tmp_path_factory.mktemp("server"), **_NEITHER_EVENTS_NOR_BLOCKS)
    with server as (url, _), talk_to(url):
        yield url


@pytest.fixture(scope="session")
def forker(tmp_path_factory: pytest.TempPathFactory) -> Iterator["RunForker"]:
    """A process that has imported all that a run needs, and forks runs."""
    from tests.support.run_forker import RunForker

    forker = RunForker(tmp_path_factory.mktemp("forker"))
    yield forker
    forker.close()


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for screenshots of pages: that of `--screenshots`, or a temporary one."""
    folder: Path | None = pytestconfig.getoption("--screenshots")
    if folder is None:
        return tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def small_reviews(shared: Path) -> Path:
    """A CSV file of 240 made-up reviews."""
    from tests.support.small_run import write_reviews

    file = shared / "reviews.csv"
    with FileLock(shared / "reviews.lock"):
        return file if file.exists() else write_reviews(file, 240)


@pytest.fixture(scope="session")
def trained_once(prefect_server: str, shared: Path, small_reviews: Path) -> RunSummary:  # noqa: ARG001
    """One run of the small config, by whichever process needs it first; nobody may change it."""
    from tests.support.start_run import start_run

    summary = shared / "small_run.json"
    with FileLock(shared / "small_run.lock"):
        if not summary.exists():
            run = start_run(shared / "small_run", small_reviews)
            summary.write_text(run.model_dump_json())
    return RunSummary.model_validate_json(summary.read_bytes())


@pytest.fixture(scope="module")
def done(trained_once: RunSummary, tmp_path_factory: pytest.TempPathFactory) -> RunSummary:
    """A finished run of the small config; its artifacts are the test module's own."""
    artifacts = tmp_path_factory.mktemp("run") / "artifacts"
    shutil.copytree(trained_once.folder.parent.parent, artifacts)
    folder = artifacts / "runs" / trained_once.folder.name
    return trained_once.model_copy(update={"folder": folder})


@pytest.fixture
def nothing_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no code trusted by its name, and forget what a test trusts."""
    monkeypatch.setenv(TRUSTED, "")


@pytest.fixture(scope="session")
def prepared(small_reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train|validation|test.parquet` and `initial_model.keras`."""
    from tests.support.small_run import prepare

    return prepare(small_reviews, tmp_path_factory.mktemp("prepared"))
