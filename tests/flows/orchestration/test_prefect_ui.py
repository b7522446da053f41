"""A run watched as a person does: with a server that stays up, in both of Prefect's UIs."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page
from prefect.deployments.runner import RunnerDeployment

from flows.pipelines.train import train_flow
from tasks.runs.find import find_runs
from tests.support.polling import wait_for
from tests.support.run_forker import RunForker
from tests.support.servers.browser import needs_browser
from tests.support.servers.prefect_pages import (
    MOSTLY_V1,
    UIS,
    ask,
    assert_page_shows,
    our_complaints,
    prefect_page,
)
from tests.support.servers.serve_process import LIMIT_S, run_deployment, start_process
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SLOW_NGRAM_RUN, from_file

EPOCHS = 5

SEED = 4711

NAME = f"reviews-ngrams-honest-seed{SEED}"

OURS = {"flow_runs": {"name": {"any_": [NAME]}}}
"""Chooses the run of this file from all that the server knows."""

RUN_ARTIFACTS = {"progress", "report", "metrics", "data", "cache", "drift", "promotion", "champion"}

SERVED_S = 3 * LIMIT_S
"""A run that is served imports all that it needs, in a process of its own."""

PROMOTING = [
    "--check-drift",
    "--promote",
    "--floor=0.1",
    "--baseline-margin=0.9",
]


@dataclass
class Watched:
    """A finished run, and the values of its progress bar while it ran.

    `artifacts` are by key.
    """

    api: str
    flow_run: dict[str, Any]
    artifacts: dict[str, dict[str, Any]]
    seen: list[tuple[float, str]]


@pytest.fixture(scope="module")
def watched(
    forker: RunForker, prefect_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Watched:
    """A small run that is watched through the API; its server stays up."""
    folder = tmp_path_factory.mktemp("watched")
    reviews = write_reviews(folder / "reviews.csv", 1000)
    options = [*from_file(reviews), *SLOW_NGRAM_RUN]
    run = forker.start(folder / "run.log", prefect_server, *options, f"--seed={SEED}", *PROMOTING)
    seen: list[tuple[float, str]] = []
    while run.poll() is None:
        bars = ask(prefect_server, "artifacts", artifacts={"key": {"any_": ["progress"]}}, **OURS)
        seen += [(bar["data"], bar["description"]) for bar in bars]
        time.sleep(0.2)
    assert run.wait() == 0, (folder / "run.log").read_text()
    (flow_run,) = ask(prefect_server, "flow_runs", **OURS)
    artifacts = {found["key"]: found for found in ask(prefect_server, "artifacts", **OURS)}
    return Watched(prefect_server, flow_run, artifacts, seen)


def test_the_progress_moves_while_it_trains_and_ends_at_100(watched: Watched) -> None:
    values = [value for value, _ in watched.seen]
    assert values == sorted(values)
    assert values[-1] == 100
    assert any(0 < value < 100 for value in values), values


def test_the_progress_tells_the_epoch_its_figures_and_the_time_left(watched: Watched) -> None:
    told = [description for _, description in watched.seen]
    assert any(" s left, val_loss " in text for text in told), told
    assert told[-1].startswith(f"finished after {EPOCHS} of at most {EPOCHS} epochs, val_loss ")


def test_a_run_leaves_its_artifacts(watched: Watched) -> None:
    assert set(watched.artifacts) == RUN_ARTIFACTS


@needs_browser
@pytest.mark.parametrize("ui", MOSTLY_V1)
def test_the_page_of_the_run_shows_its_name_its_tags_and_its_artifacts(
    watched: Watched, ui: str, screenshots: Path
) -> None:
    path = f"/runs/flow-run/{watched.flow_run['id']}"
    picture = screenshots / f"{ui}_run.png"
    texts = [NAME, "protocol:honest", "recipe:ngrams", "Completed", *RUN_ARTIFACTS]
    assert_page_shows(watched.api, ui, path, texts, picture, height=1400, tab="Artifacts")


@needs_browser
@pytest.mark.parametrize("ui", UIS)
def test_the_page_of_the_report_shows_the_score_and_its_figures(
    watched: Watched, ui: str, screenshots: Path
) -> None:
    path = f"/artifacts/artifact/{watched.artifacts['report']['id']}"
    texts = ["Test accuracy ", "linear baseline: TF-IDF + logistic regression"]
    with prefect_page(watched.api, ui, path, texts, height=2000) as opened:
        opened.page.wait_for_load_state("networkidle")
        opened.page.screenshot(path=screenshots / f"{ui}_report.png")
        images = opened.page.locator("img[alt^='Training and validation']")
        widths = [image.evaluate("image => image.naturalWidth") for image in images.all()]
        shown = opened.page.inner_text("body")
        assert our_complaints(opened) == []
    assert widths == [1200, 1200]
    assert [text for text in texts if text not in shown] == []
    assert "data:image" not in shown


@needs_browser
@pytest.mark.parametrize("ui", ["v1", pytest.param("v2", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("key", "cells"),
    [
        ("metrics", ["ROC AUC", "Brier score", "linear baseline"]),
        pytest.param("data", ["labelled pos", "repeated inside the set"], marks=pytest.mark.slow),
        pytest.param(
            "cache",
            ["persist-parquet", "computed", "never from the cache"],
            marks=pytest.mark.slow,
        ),
        ("progress", ["Progress: 100%", "finished after 5 of at most 5 epochs"]),
        ("promotion", ["the first champion", "calibration", "✓ passed", "no champion yet"]),
    ],
)
def test_the_page_of_each_other_artifact_shows_what_is_in_it(
    watched: Watched, ui: str, key: str, cells: list[str], screenshots: Path
) -> None:
    path = f"/artifacts/artifact/{watched.artifacts[key]['id']}"
    assert_page_shows(watched.api, ui, path, cells, screenshots / f"{ui}_{key}.png")


@pytest.fixture(scope="module")
def deployment(prefect_server: str) -> UUID:  # noqa: ARG001 - keeps it
    """A deployment of the flow, as a person who schedules it makes one."""
    deployment = train_flow.to_deployment("by-hand")
    assert isinstance(deployment, RunnerDeployment)
    made = deployment.apply()
    assert isinstance(made, UUID)
    return made


@needs_browser
@pytest.mark.parametrize("ui", MOSTLY_V1)
def test_the_page_of_a_deployment_says_what_a_run_does_and_leaves(
    watched: Watched, deployment: UUID, ui: str, screenshots: Path
) -> None:
    path = f"/deployments/deployment/{deployment}?tab=Description"
    texts = ["What it leaves: the artifacts report, metrics, data and cache", "Steps: fetch"]
    assert_page_shows(watched.api, ui, path, texts, screenshots / f"{ui}_deployment.png")


@dataclass
class Served:
    """The two forms, served as `docs/scheduling.md` says, and where their runs lie."""

    api: str
    folder: Path
    process: subprocess.Popen[bytes]

    def deployments(self) -> dict[str, str]:
        """Return the ids of the deployments that are known by now, by their names."""
        assert self.process.poll() is None, (self.folder / "serve.log").read_text()
        known = ask(self.api, "deployments", flows={"name": {"any_": [train_flow.name]}})
        return {one["name"]: one["id"] for one in known}

    def form(self, name: str) -> str:
        """Return the path of a form's page."""
        return f"/deployments/deployment/{self.deployments()[name]}/run"

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs of the short form, the newest first."""
        ours = {"id": {"any_": [self.deployments()["simple"]]}}
        runs: list[dict[str, Any]] = ask(
            self.api, "flow_runs", deployments=ours, sort="EXPECTED_START_TIME_DESC"
        )
        return runs


@pytest.fixture(scope="module")
def served(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    options = from_file(write_reviews(folder / "reviews.csv", 240))
    process = start_process(folder, prefect_server, "serve_flow.py", *options, "--interval=300d")
    found = Served(prefect_server, folder, process)
    wait_for(lambda: {"simple", "expert"} <= found.deployments().keys(), SERVED_S)
    yield found
    process.terminate()
    process.wait(SERVED_S)


def choose(page: Page, ui: str, recipe: str) -> None:
    """Choose a recipe in place of the one that is proposed."""
    proposed = page.locator("button", has_text="tutorial").first
    if ui == "v1":
        proposed.press("ArrowDown")
    else:
        proposed.click()
    page.get_by_role("option", name=recipe, exact=True).click()


LABELS = ["Recipe", "Reviews", "Text column", "Label column", "Epochs", "Seed", "Promote"]


@needs_browser
@pytest.mark.parametrize("ui", MOSTLY_V1)
def test_the_short_form_asks_seven_things_and_proposes_what_is_served(
    served: Served, ui: str, screenshots: Path
) -> None:
    texts = [f"{label} (Optional)" for label in LABELS] + ["ngrams: 0.92", "Column of the labels"]
    with prefect_page(served.api, ui, served.form("simple"), texts, height=1200) as opened:
        opened.page.screenshot(path=screenshots / f"{ui}_form.png")
        shown = " ".join(opened.page.inner_text("body").split())
        assert [text for text in texts if text not in shown] == [], shown
        assert our_complaints(opened) == []
        assert shown.count("(Optional)") == len(LABELS)
        reviews = opened.page.locator("textarea").first.input_value()
        assert reviews == str(served.folder / "reviews.csv")
        choose(opened.page, ui, "ngrams_tail")
        opened.page.locator("button", has_text="ngrams_tail").wait_for()


@needs_browser
@pytest.mark.parametrize("ui", MOSTLY_V1)
def test_the_short_form_does_not_let_a_bad_value_start_a_run(served: Served, ui: str) -> None:
    before = len(served.runs())
    with prefect_page(served.api, ui, served.form("simple"), ["Seed (Optional)"]) as opened:
        opened.page.locator("input[type=number]").first.fill("2.5")
        opened.page.get_by_role("button", name="Submit").click()
        # The one form says it below the field, the other has the browser say it.
        refused = opened.page.get_by_text("2.5 is not of type 'integer'").or_(
            opened.page.locator("input:invalid")
        )
        refused.first.wait_for()
    assert len(served.runs()) == before


@needs_browser
def test_a_run_that_the_form_starts_is_the_run_of_the_same_command(
    served: Served, forker: RunForker
) -> None:
    with prefect_page(served.api, "v1", served.form("simple"), ["Seed (Optional)"]) as opened:
        choose(opened.page, "v1", "ngrams")
        for number, value in enumerate(("1", "77")):
            opened.page.locator("input[type=number]").nth(number).fill(value)
        opened.page.locator("input[type=number]").first.focus()

        def is_created() -> bool:
            """Submit; unlike Prefect's client the page does not ask again where SQLite is busy."""
            with opened.page.expect_response("**/create_flow_run") as answer:
                opened.page.get_by_role("button", name="Submit").click()
            return bool(answer.value.ok)

        wait_for(is_created)
    (run,) = (run for run in served.runs() if run["parameters"]["seed"] == 77)

    def has_ended() -> bool:
        (now,) = (one for one in served.runs() if one["id"] == run["id"])
        assert now["state"]["type"] not in ("FAILED", "CRASHED"), now["state"]["message"]
        return bool(now["state"]["type"] == "COMPLETED")

    wait_for(has_ended, SERVED_S)
    options = [*from_file(served.folder / "reviews.csv"), "--recipe=ngrams", "--epochs=1"]
    artifacts = f"--artifacts={served.folder / 'artifacts'}"
    log = served.folder / "command.log"
    again = forker.start(log, served.api, *options, "--seed=77", artifacts)
    assert again.wait() == 0, log.read_text()
    runs = find_runs(served.folder / "artifacts").runs
    configs = {(one.folder / "config.json").read_bytes() for one in runs}
    keys = [[step.key for step in one.manifest.steps] for one in runs]
    assert (len(runs), len(configs)) == (2, 1)
    assert keys[0] == keys[1]
    assert all(step.cached for step in runs[0].manifest.steps if step.key)


@needs_browser
def test_a_file_that_is_missing_ends_a_run_before_any_step(served: Served) -> None:
    run_deployment(served.api, f"{train_flow.name}/simple", reviews="none.csv")
    wait_for(lambda: served.runs()[0]["state"]["type"] == "FAILED", SERVED_S)
    (run,) = (run for run in served.runs() if run["parameters"]["reviews"] == "none.csv")
    assert "reviews='none.csv': there is no such file on the machine" in run["state"]["message"]
    assert ask(served.api, "task_runs", flow_runs={"id": {"any_": [run["id"]]}}) == []
