from pathlib import Path
from typing import Any

import pytest

from tasks.common.artifact_store import StepRun
from tasks.common.errors import UnchangedError
from tasks.config.promotion import PromotionConfig
from tasks.registry.unchanged import require_change
from tests.support.made_runs import FIRST, SECOND, make_run

KEYS = {"fetch": None, "load": "load/1", "train": "train/2", "evaluate": "evaluate/3"}


def steps(**changes: str | None) -> list[StepRun]:
    """Return the steps of a run by their keys."""
    keys: dict[str, Any] = KEYS | changes
    return [
        StepRun(step=step, cached=True, why="", seconds=0, key=key) for step, key in keys.items()
    ]


def test_equal_keys_of_the_newest_run_end_the_run_and_say_what_was_compared(tmp_path: Path) -> None:
    make_run(tmp_path, steps=steps())
    with pytest.raises(UnchangedError) as unchanged:
        require_change(tmp_path, steps(), None)
    assert f"nothing has changed since run {FIRST}: the raw data" in str(unchanged.value)
    assert "the same keys to all 3 steps" in str(unchanged.value)


@pytest.mark.parametrize("step", ["load", "train", "evaluate"])
def test_a_new_key_of_any_step_is_a_change(tmp_path: Path, step: str) -> None:
    make_run(tmp_path, steps=steps())
    require_change(tmp_path, steps(**{step: f"{step}/new"}), None)


def test_a_first_run_and_one_without_a_cache_have_changes(tmp_path: Path) -> None:
    require_change(tmp_path, steps(), None)
    make_run(tmp_path, steps=steps(load=None, train=None, evaluate=None))
    require_change(tmp_path, steps(load=None, train=None, evaluate=None), None)


def test_only_the_newest_run_counts(tmp_path: Path) -> None:
    make_run(tmp_path, FIRST, steps=steps())
    make_run(tmp_path, SECOND, steps=steps(train="train/other"))
    require_change(tmp_path, steps(), None)


def test_a_damaged_newest_run_is_made_again(tmp_path: Path) -> None:
    run = make_run(tmp_path, steps=steps())
    (run.folder / "history.json").write_text("{}")
    require_change(tmp_path, steps(), None)


def test_a_run_without_a_decision_is_a_change_where_promotion_is_asked_for(tmp_path: Path) -> None:
    make_run(tmp_path, steps=steps())
    require_change(tmp_path, steps(), PromotionConfig())
