import signal
from pathlib import Path

import pytest
from prefect import Task
from prefect.exceptions import TerminationSignal
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings

from tasks import steps
from tasks.cache.runner import StepRunner
from tasks.common.artifact_store import ArtifactStore, StepOutput


@pytest.mark.parametrize("setting", [True, False])
def test_prefects_own_setting_refreshes_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: object
) -> None:
    nothing, asked = StepOutput(step="train", files={}), []

    def fresh(_runner: StepRunner, task: Task[..., StepOutput], *_: object) -> StepOutput:
        asked.append(task.refresh_cache)
        return nothing

    monkeypatch.setattr(StepRunner, "fresh", fresh)
    with temporary_settings({PREFECT_TASKS_REFRESH_CACHE: setting}):
        StepRunner(ArtifactStore(tmp_path)).cached(steps.plot, nothing, "a title")
    assert asked == [setting]


@pytest.mark.parametrize("sent", [KeyboardInterrupt(), TerminationSignal(signal.SIGTERM)])
def test_a_signal_stays_one_though_prefect_was_about_to_begin_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: BaseException
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        try:
            raise sent  # noqa: TRY301 - it comes here
        except BaseException:
            raise ValueError("Task run is not set")  # noqa: B904 - as Prefect does

    monkeypatch.setattr(Task, "__call__", interrupted)
    with pytest.raises(type(sent)):
        StepRunner(ArtifactStore(tmp_path)).cached(
            steps.plot, StepOutput(step="train", files={}), "a"
        )
