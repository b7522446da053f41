"""Train with several seeds under both protocols: `python flows/seeds_flow.py --seeds 5`.

`--help` shows all options. Each training is a run of its own, in a process of its own.
"""

from flows import seeds_command, train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, so that --help and mistakes take no time.
    OPTIONS = seeds_command.read_options()
train_command.begin_process()

from pathlib import Path  # noqa: E402

from prefect import flow, runtime, task  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402

from flows import prefect_session, task_runners  # noqa: E402
from flows.failure_hook import keep_failure_record  # noqa: E402
from flows.seeds_command import SeedsOptions  # noqa: E402
from flows.seeds_text import seeds_markdown  # noqa: E402
from flows.train_in_process import TrainingRequest, train_in_process  # noqa: E402
from tasks.record_files import write_record  # noqa: E402
from tasks.run_manifest import RunSummary  # noqa: E402
from tasks.runner_config import RunnerConfig  # noqa: E402
from tasks.seeds_config import SeedsConfig  # noqa: E402
from tasks.seeds_report import SEEDS_JSON, SeedsReport, seeds_report  # noqa: E402
from tasks.training_config import Accelerator, Protocol, TrainingConfig, with_seed  # noqa: E402


@task(
    name="train-seed",
    task_run_name="train {request.name}",
    # The steps of the run come from the cache of the artifacts folder, which says why.
    cache_policy=NO_CACHE,
)
def train_seed(request: TrainingRequest, api: str) -> RunSummary:
    """Return the summary of one run, trained in a process of its own."""
    return train_in_process(request, api)


def requests(
    config: TrainingConfig, seeds: SeedsConfig, accelerator: str, artifacts: Path
) -> list[TrainingRequest]:
    """Return what is trained: each seed under each protocol."""
    first = config.fit.seed
    return [
        TrainingRequest(
            config=with_protocol(with_seed(config, seed), protocol),
            accelerator=accelerator,
            artifacts=artifacts,
        )
        for seed in range(first, first + seeds.seeds)
        for protocol in seeds.protocols
    ]


def with_protocol(config: TrainingConfig, protocol: Protocol) -> TrainingConfig:
    """Return the config with another protocol."""
    changed = config.protocol.model_copy(update={"protocol": protocol})
    return config.model_copy(update={"protocol": changed})


@flow(
    name="train-seeds",
    description="Train with several seeds and show spread, intervals and the gap of protocols.",
    on_failure=[keep_failure_record],
    on_crashed=[keep_failure_record],
)
def seeds_flow(
    config: TrainingConfig = TrainingConfig(),
    seeds: SeedsConfig = SeedsConfig(),
    runner: RunnerConfig = RunnerConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
) -> SeedsReport:
    """Train all seeds, report them, and keep the report under `artifacts/seeds`.

    Args:
        config: Of every training; its seed is the first one.
        seeds: How many seeds, under which protocols.
        runner: Where, and how many at the same time.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache and the runs.
    """
    prefect_session.show_our_logs()
    prefect_session.show_plain_errors()
    api = prefect_session.api_url()
    asked = requests(config, seeds, accelerator, artifacts)
    trained: dict[Protocol, dict[int, RunSummary]] = {name: {} for name in seeds.protocols}
    with task_runners.task_runner(runner) as place:
        started = [place.submit(train_seed, {"request": one, "api": api}) for one in asked]
        for request, future in zip(asked, started, strict=True):
            protocol, seed = request.config.protocol.protocol, request.config.fit.seed
            trained[protocol][seed] = future.result()
    report = seeds_report(config, trained)
    write_record(artifacts / "seeds" / str(runtime.flow_run.id) / SEEDS_JSON, report)
    create_markdown_artifact(seeds_markdown(report), key="seeds")
    return report


def main(options: SeedsOptions) -> None:
    """Run the flow for a person."""
    trainings = options.seeds.seeds * len(options.seeds.protocols)
    report = prefect_session.call_flow(
        seeds_flow, options.artifacts, vars(options), lambda _: trainings
    )
    seeds_command.show(report)


if __name__ == "__main__":
    main(OPTIONS)
