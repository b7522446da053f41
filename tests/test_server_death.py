import signal
from pathlib import Path

from tasks.run_manifest import read_manifest
from tests.real_server import prefect_server_process
from tests.small_run import write_reviews
from tests.terminal_run import start_terminal_run, wait_for_line

_LIMIT_S = 240


def test_a_server_killed_in_training_ends_the_run_with_a_clear_error_and_loses_nothing(
    tmp_path: Path,
) -> None:
    reviews = write_reviews(tmp_path / "reviews.csv", 2000)
    home = tmp_path / "home"
    home.mkdir()
    with prefect_server_process(home) as (url, server):
        few_retries = {"PREFECT_API_URL": url, "PREFECT_CLIENT_MAX_RETRIES": "1"}
        run = start_terminal_run(tmp_path, reviews, home, **few_retries)
        wait_for_line(tmp_path, run, "epoch 1/5")
        server.send_signal(signal.SIGKILL)
        assert run.wait(_LIMIT_S) == 1
    log = (tmp_path / "run.log").read_text()
    assert "epoch 5/5" in log
    assert "error: the Prefect server stopped answering" in log
    assert list((tmp_path / "artifacts/runs").iterdir()) == []

    again = start_terminal_run(tmp_path, reviews, tmp_path / "other-home")
    assert again.wait(_LIMIT_S) == 0, (tmp_path / "run.log").read_text()
    (folder,) = (tmp_path / "artifacts/runs").iterdir()
    steps = {step.step: step.cached for step in read_manifest(folder).steps}
    assert steps["build"]
    assert "epoch 1/5" not in (tmp_path / "run.log").read_text()
