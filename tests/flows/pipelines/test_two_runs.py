from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.common.artifact_store import ArtifactStore
from tasks.runs.manifest import read_manifest
from tests.support.faults.injection import STEPS
from tests.support.small_run import write_reviews
from tests.support.terminal_run import LIMIT_S, SLOW_SMALL_RUN, from_file, start_terminal_run

CACHED_STEPS = set(STEPS[1:-1])


@pytest.mark.slow
def test_two_equal_runs_at_once_compute_each_step_once(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("fault", "two runs at once")
    reviews = write_reviews(tmp_path / "reviews.csv", 600)
    logs = [tmp_path / "one", tmp_path / "two"]
    artifacts = tmp_path / "artifacts"
    options = [*from_file(reviews), *SLOW_SMALL_RUN, f"--artifacts={artifacts}"]
    runs = []
    for folder in logs:
        folder.mkdir()
        runs.append(start_terminal_run(folder, *options))
    for run, folder in zip(runs, logs, strict=True):
        assert run.wait(LIMIT_S) == 0, (folder / "run.log").read_text()
    manifests = [read_manifest(folder) for folder in ArtifactStore(artifacts).runs.iterdir()]
    assert len(manifests) == 2
    computed = [run.step for manifest in manifests for run in manifest.steps if not run.cached]
    assert sorted(computed) == sorted([*CACHED_STEPS, "fetch", "fetch"])
    assert manifests[0].weights == manifests[1].weights
    assert "waiting for its result" in "".join((log / "run.log").read_text() for log in logs)
