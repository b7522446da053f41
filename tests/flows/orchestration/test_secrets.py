"""A secret is in nothing that a run leaves, wherever a user has typed it."""

import subprocess
from pathlib import Path

import pytest

from tests.support.commands import run_script
from tests.support.run_forker import RunForker
from tests.support.servers.real_server import prefect_server_process
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SMALL_NGRAMS, from_file

SECRET = "hunter2"
ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "HTTP_PROXY": f"http://me:{SECRET}@127.0.0.1:9",
    "HTTPS_PROXY": f"http://me:{SECRET}@127.0.0.1:9",
}


def with_secret(api: str) -> str:
    return api.replace("://", f"://me:{SECRET}@")


def ended(folder: Path, script: str, *arguments: str, api: str) -> subprocess.CompletedProcess[str]:
    """Run a program whose server has a secret in its address; keep what it printed."""
    environment = ENVIRONMENT | {"PREFECT_API_URL": with_secret(api)}
    done = run_script(folder, script, *arguments, **environment)
    with (folder / "printed.log").open("a") as log:
        log.write(done.stdout + done.stderr)
    return done


def files_with_secret(folder: Path) -> list[Path]:
    found = [file for file in folder.rglob("*") if file.is_file()]
    assert len(found) > 50
    return [file for file in found if SECRET.encode() in file.read_bytes()]


def test_nothing_that_is_left_holds_a_secret(tmp_path: Path, forker: RunForker) -> None:
    reviews = from_file(write_reviews(tmp_path / "reviews.csv", 120))
    log = tmp_path / "run.log"
    with prefect_server_process(tmp_path / "server") as (api, _):
        options = [*reviews, *SMALL_NGRAMS, "--epochs=1"]
        run = forker.start(log, with_secret(api), *options, fault=None, **ENVIRONMENT)
        assert run.wait() == 0, log.read_text()
        for script, options in (
            ("train_flow.py", ["--source=files", f"--train-file=s3://KEY:{SECRET}@bucket/a.csv"]),
            ("sweep_flow.py", [*reviews, f"--storage=postgresql://me:{SECRET}@127.0.0.1:9/d"]),
        ):
            assert ended(tmp_path, script, *options, api=api).returncode != 0
        hook = f"--notify-url=https://hooks.slack.com/services/{SECRET}"
        done = ended(tmp_path, "set_up_server.py", hook, api=api)
        assert done.returncode == 0, done.stderr
    assert "http://***@127.0.0.1:" in (tmp_path / "printed.log").read_text()
    assert "Test Accuracy: " in log.read_text()
    assert files_with_secret(tmp_path) == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:9/api", "the Prefect server at http://***@127.0.0.1:9/api does not"),
        ("ftp://127.0.0.1/api", "***@127.0.0.1/api"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named_without_its_password(
    tmp_path: Path, address: str, words: str
) -> None:
    done = ended(tmp_path, "train_flow.py", "--epochs=1", api=address)
    assert done.returncode == 1
    assert words in done.stderr
    assert SECRET not in done.stdout + done.stderr
