from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.cli.app import main
from flows.cli.runs import app
from tasks.runs.failures import Failure, read_failures, write_failure

NEWER = Failure(
    failed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    flow="train-sentiment",
    flow_run_id="00000000-0000-0000-0000-0000deadbeef",
    flow_run_name="files-honest-seed0",
    state="Failed",
    reason="the disk is full",
    last_step="train",
    parameters={"fit": {"seed": 0}},
    next="start the same command again",
)

OLDER = NEWER.model_copy(
    update={"failed_at": NEWER.failed_at - timedelta(days=1), "last_step": None}
)


def test_failures_are_read_as_they_were_written_newest_first(tmp_path: Path) -> None:
    path = write_failure(tmp_path, NEWER)
    write_failure(tmp_path, OLDER)
    assert path == tmp_path / "failures/20260102T030405Z-deadbeef.json"
    assert read_failures(tmp_path).failures == [NEWER, OLDER]


def test_a_bad_record_hides_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_failure(tmp_path, OLDER).write_text("{}")
    write_failure(tmp_path, NEWER)
    main(app, ["failures", "--artifacts", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "2026-01-02 03:04 UTC, train-sentiment, files-honest-seed0: Failed in train" in shown
    assert "it is no record of a failure" in " ".join(shown.split())


def test_no_failure_is_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(app, ["failures", "--artifacts", str(tmp_path)])
    assert capsys.readouterr().out == "no run has failed\n"
