"""Scheduled retraining under random kills.

`python -m tests.support.faults.soak` does the same for longer.
"""

from pathlib import Path

import pytest

from tests.support.faults.soak import Soak


@pytest.mark.slow
def test_random_kills_leave_no_run_stuck_none_beside_another_and_always_one_champion(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "soak"
    folder.mkdir()
    outcome = Soak(folder, seed=1).run(seconds=200, kills=6, server_kills=1)
    assert sum(outcome.kills.values()) == 7
    assert outcome.stuck == []
    assert outcome.overlaps == []
    assert outcome.champion_faults == []
    assert outcome.champion_looks > 100
    assert outcome.promotions >= 1
    assert outcome.states["COMPLETED Completed"] >= outcome.promotions
