"""What the runner needs of Prefect beyond its documented interface."""

from pathlib import Path

import pytest
from prefect import flow

from tasks import steps
from tasks.cache.key import cache_key, key_parts
from tasks.cache.runner import StepRunner
from tasks.common.artifact_store import ArtifactStore, StepRun
from tasks.config.training import DataConfig
from tests.support.review_samples import distinct_reviews, source_of, write_reviews


@pytest.mark.usefixtures("prefect_server")
def test_the_state_of_a_computed_and_of_a_cached_step_names_its_key(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path / "artifacts").open()
    files = source_of("files", train=write_reviews(tmp_path / "a.csv", distinct_reviews(60)))

    @flow
    def load_twice() -> tuple[list[StepRun], str | None]:
        runner = StepRunner(store)
        outputs = [runner.cached(steps.load, files, DataConfig()) for _ in range(2)]
        assert outputs[0] == outputs[1] == store.result(runner.runs[0].key or "")
        return runner.runs, runner.key("load")

    runs, found = load_twice()
    key = cache_key(key_parts("load", steps.load.fn, {"files": files, "data": DataConfig()}))
    assert [run.cached for run in runs] == [False, True]
    assert [run.key for run in runs] == [key, key] == [found, found]
