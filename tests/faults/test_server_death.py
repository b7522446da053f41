import signal
from collections.abc import Callable
from pathlib import Path

from tasks.runs.manifest import read_manifest
from tests.support.run_forker import RunForker
from tests.support.servers.real_server import prefect_server_process
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SLOW_NGRAM_RUN, from_file, wait_for_line


def test_a_server_killed_in_training_ends_the_run_with_a_clear_error_and_loses_nothing(
    forker: RunForker,
    prefect_server: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("fault", "Prefect server killed in training")
    options = [*from_file(write_reviews(tmp_path / "reviews.csv", 1000)), *SLOW_NGRAM_RUN]
    log = tmp_path / "run.log"
    with prefect_server_process(tmp_path / "server") as (url, server):
        run = forker.start(log, url, *options, PREFECT_CLIENT_MAX_RETRIES="1")
        wait_for_line(tmp_path, run, "epoch 1/5")
        server.send_signal(signal.SIGKILL)
        assert run.wait() == 1
    assert "epoch 5/5" in log.read_text()
    assert "error: the Prefect server stopped answering" in log.read_text()
    assert list((tmp_path / "artifacts/runs").iterdir()) == []

    assert forker.start(log, prefect_server, *options).wait() == 0, log.read_text()
    (folder,) = (tmp_path / "artifacts/runs").iterdir()
    steps = {step.step: step.cached for step in read_manifest(folder).steps}
    assert steps["build"]
    assert "epoch 1/5" not in log.read_text()
