"""A run watched as a person does: with a server that stays up, in both of Prefect's UIs."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.deployments.runner import RunnerDeployment

from flows.pipelines.train import train_flow
from tests.support.run_forker import RunForker
from tests.support.servers.browser import needs_browser
from tests.support.servers.prefect_pages import (
    UIS,
    ask,
    assert_page_shows,
    our_complaints,
    prefect_page,
)
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SLOW_NGRAM_RUN, from_file

EPOCHS = 5

SEED = 4711

NAME = f"reviews-ngrams-honest-seed{SEED}"

OURS = {"flow_runs": {"name": {"any_": [NAME]}}}
"""Chooses the run of this file from all that the server knows."""

RUN_ARTIFACTS = {"progress", "report", "metrics", "data", "cache", "drift", "promotion", "champion"}

PROMOTING = [
    "--check-drift",
    "--promote",
    "--promotion.floor=0.1",
    "--promotion.baseline-margin=0.9",
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
        time.sleep(0.1)
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
@pytest.mark.parametrize("ui", UIS)
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
        ("data", ["labelled pos", "also in the training set"]),
        ("cache", ["persist-parquet", "computed", "never from the cache"]),
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
@pytest.mark.parametrize("ui", UIS)
def test_the_page_of_a_deployment_says_what_a_run_does_and_leaves(
    watched: Watched, deployment: UUID, ui: str, screenshots: Path
) -> None:
    path = f"/deployments/deployment/{deployment}?tab=Description"
    texts = ["What it leaves: the artifacts report, metrics, data and cache", "Steps: fetch"]
    assert_page_shows(watched.api, ui, path, texts, screenshots / f"{ui}_deployment.png")
