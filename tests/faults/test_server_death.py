import signal
from collections.abc import Callable
from pathlib import Path

from tasks.runs.manifest import read_manifest
from tests.support.servers.real_server import prefect_server_process
from tests.support.small_run import write_reviews
from tests.support.terminal_run import (
    LIMIT_S,
    SLOW_SMALL_RUN,
    from_file,
    start_terminal_run,
    wait_for_line,
)


def test_a_server_killed_in_training_ends_the_run_with_a_clear_error_and_loses_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("fault", "Prefect server killed in training")
    options = [*from_file(write_reviews(tmp_path / "reviews.csv", 1000)), *SLOW_SMALL_RUN]
    home = tmp_path / "server-home"
    home.mkdir()
    with prefect_server_process(home) as (url, server):
        few_retries = {"PREFECT_API_URL": url, "PREFECT_CLIENT_MAX_RETRIES": "1"}
        run = start_terminal_run(tmp_path, *options, home=home, **few_retries)
        wait_for_line(tmp_path, run, "epoch 1/5")
        server.send_signal(signal.SIGKILL)
        assert run.wait(LIMIT_S) == 1
    log = (tmp_path / "run.log").read_text()
    assert "epoch 5/5" in log
    assert "error: the Prefect server stopped answering" in log
    assert list((tmp_path / "artifacts/runs").iterdir()) == []

    again = start_terminal_run(tmp_path, *options)
    assert again.wait(LIMIT_S) == 0, (tmp_path / "run.log").read_text()
    (folder,) = (tmp_path / "artifacts/runs").iterdir()
    steps = {step.step: step.cached for step in read_manifest(folder).steps}
    assert steps["build"]
    assert "epoch 1/5" not in (tmp_path / "run.log").read_text()
