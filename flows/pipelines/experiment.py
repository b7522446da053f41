"""What the flows that train many times share: trainings side by side, and how a report is shown."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from prefect import Flow, runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows.display.experiments import Shown
from flows.display.terminal import show_lines
from flows.orchestration import session, task_runners
from flows.pipelines.in_process import in_process
from tasks.common.artifact_store import ArtifactStore
from tasks.common.records import write_json
from tasks.config.experiments import RunnerConfig
from tasks.config.request import TrainOptions
from tasks.config.training import TrainingConfig, with_seed
from tasks.experiments.side_by_side import SideBySide
from tasks.run_summary import RunSummary

R = TypeVar("R")


@task(
    name="train-in-process",
    task_run_name="train {name}",
    # The steps of the run come from the cache of the artifacts folder, which says why.
    cache_policy=NO_CACHE,
)
def train_run(name: str, options: TrainOptions, api: str) -> RunSummary:
    """Return the summary of one run, trained in a process of its own."""
    return in_process(options, RunSummary, api, f"the training of {name}")


def with_seeds(
    configs: Sequence[TrainingConfig], seeds: int, name: Callable[[TrainingConfig], str]
) -> dict[str, TrainingConfig]:
    """Return what is trained, by names: each config with each seed, from the config's own on.

    Seed by seed, so that an interrupted experiment has whole rows.
    """
    first = configs[0].fit.seed
    return {
        f"{name(config)}, seed {seed}": with_seed(config, seed)
        for seed in range(first, first + seeds)
        for config in configs
    }


def train_all(
    configs: Mapping[str, TrainingConfig], runner: RunnerConfig, accelerator: str, artifacts: Path
) -> list[RunSummary]:
    """Return the summaries of the trainings of all configs, which have names, in their order."""
    api = session.api_url()
    with task_runners.task_runner(runner) as place:
        started = []
        for name, config in configs.items():
            # A worker of a cluster was started in another folder.
            options = TrainOptions(
                config=config.absolute(), accelerator=accelerator, artifacts=artifacts
            )
            started.append(place.submit(train_run, {"name": name, "options": options, "api": api}))
        return [future.result() for future in started]


def keep(
    kind: str,
    report: SideBySide,
    shown: Shown,
    artifacts: Path,
    draw: Callable[[SideBySide, Path], None] | None = None,
) -> None:
    """Keep the report of the current flow run below `artifacts`, and show it in Prefect's UI."""
    folder = ArtifactStore(artifacts).experiment(kind, str(runtime.flow_run.id))
    write_json(folder / f"{kind}.json", report)
    if draw is not None:
        draw(report, folder)
    picture = folder / f"{kind}.png" if draw else None
    create_markdown_artifact(shown.markdown(picture), key=kind)


def run_in_terminal(
    flow: Flow[..., R],
    parameters: dict[str, Any],
    shown: Callable[[R], Shown],
    task_runs: Callable[[R], int],
) -> None:
    """Run a flow for a person and print its report; it had so many task runs at least."""
    report = session.call_flow(flow, parameters["artifacts"], parameters, task_runs)
    to_print = shown(report)
    show_lines(to_print.table, *to_print.sentences)
