"""Train with several seeds under both protocols: `python flows/seeds_flow.py --seeds 5`.

`--help` shows all options. Each training is a run of its own, in a process of its own.
"""

from flows import experiment_commands, train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, so that --help and mistakes take no time.
    PARAMETERS = experiment_commands.read_seeds()
train_command.begin_process()

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from prefect import flow  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402

from flows import experiment, prefect_session  # noqa: E402
from flows.experiment_text import seeds_shown  # noqa: E402
from flows.failure_hook import keep_failure_record  # noqa: E402
from flows.in_process import TrainingRequest  # noqa: E402
from tasks.experiments_config import RunnerConfig, SeedsConfig  # noqa: E402
from tasks.seeds_report import SeedsReport, seeds_report  # noqa: E402
from tasks.training_config import Accelerator, TrainingConfig, with_seed  # noqa: E402


def requests(
    config: TrainingConfig, seeds: SeedsConfig, accelerator: str, artifacts: Path
) -> list[TrainingRequest]:
    """Return what is trained: each seed under each protocol."""
    first = config.fit.seed
    protocols = [config.protocol.model_copy(update={"protocol": one}) for one in seeds.protocols]
    return [
        TrainingRequest(
            name=f"{judged.protocol} seed {seed}",
            config=with_seed(config, seed).model_copy(update={"protocol": judged}),
            accelerator=accelerator,
            artifacts=artifacts,
        )
        for seed in range(first, first + seeds.seeds)
        for judged in protocols
    ]


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
    asked = requests(config, seeds, accelerator, artifacts)
    report = seeds_report(config, experiment.train_all(asked, runner))
    experiment.keep("seeds", report, artifacts)
    create_markdown_artifact(seeds_shown(report).markdown(), key="seeds")
    return report


def main(parameters: dict[str, Any]) -> None:
    """Run the flow for a person."""
    experiment.run_in_terminal(
        seeds_flow, parameters, seeds_shown, lambda made: sum(map(len, made.runs.values()))
    )


if __name__ == "__main__":
    main(PARAMETERS)
