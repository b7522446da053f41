"""Train with other forms of the text: `python flows/ablation_flow.py --source imdb`.

`--help` shows all options. Each training is a run of its own, in a process of its own.
"""

from flows import experiment_commands, train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, so that --help and mistakes take no time.
    PARAMETERS = experiment_commands.read_ablation()
train_command.begin_process()

from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from prefect import flow  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402

from flows import experiment, prefect_session  # noqa: E402
from flows.experiment_text import ablation_shown  # noqa: E402
from flows.failure_hook import keep_failure_record  # noqa: E402
from flows.in_process import TrainingRequest  # noqa: E402
from tasks import steps  # noqa: E402
from tasks.ablation import text_variants, tokens_name, words_name  # noqa: E402
from tasks.ablation_report import AblationReport, ablation_report  # noqa: E402
from tasks.artifact_store import ArtifactStore  # noqa: E402
from tasks.draw_ablation import PICTURE, draw_ablation  # noqa: E402
from tasks.experiments_config import AblationConfig, RunnerConfig  # noqa: E402
from tasks.folder_lock import in_use  # noqa: E402
from tasks.run_manifest import ControlScore  # noqa: E402
from tasks.step_runner import StepRunner  # noqa: E402
from tasks.training_config import Accelerator, TrainingConfig, with_seed  # noqa: E402


def requests(
    variants: Sequence[TrainingConfig], seeds: int, accelerator: str, artifacts: Path
) -> list[TrainingRequest]:
    """Return what is trained: each variant with each seed.

    Seed by seed, so that an interrupted ablation has whole rows.
    """
    first = variants[0].fit.seed
    return [
        TrainingRequest(
            name=f"{tokens_name(one.text)} tokens, {words_name(one.text)} words, seed {seed}",
            config=with_seed(one, seed),
            accelerator=accelerator,
            artifacts=artifacts,
        )
        for seed in range(first, first + seeds)
        for one in variants
    ]


def seen_controls(variants: Sequence[TrainingConfig], artifacts: Path) -> list[list[ControlScore]]:
    """Return the linear controls of each variant, on what its network sees."""
    config = variants[0]
    with in_use(artifacts):
        store = ArtifactStore(artifacts).open()
        run = StepRunner(store)
        files = run.fresh(steps.fetch, config.source)
        loaded = run.cached(steps.load, files, config.data)
        found = []
        for variant in variants:
            padded = run.cached(steps.pad, loaded, variant.text, config.protocol)
            persisted = run.cached(steps.persist, padded, config.data.row_group_rows)
            facts = run.cached(steps.control_seen, persisted).facts
            found.append([ControlScore.from_facts(facts, prefix) for prefix in ("", "bayes_")])
    return found


@flow(
    name="ablation",
    description="Train with other tokens and words, one change at a time, and show what each"
    " scores beside linear controls that see the same.",
    on_failure=[keep_failure_record],
    on_crashed=[keep_failure_record],
)
def ablation_flow(
    config: TrainingConfig = TrainingConfig(),
    ablation: AblationConfig = AblationConfig(),
    runner: RunnerConfig = RunnerConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
) -> AblationReport:
    """Train all variants, report them, and keep table and figure under `artifacts/ablation`.

    Args:
        config: What the variants vary; its seed is the first one.
        ablation: The variants, and how many seeds each.
        runner: Where, and how many at the same time.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache and the runs.
    """
    prefect_session.show_our_logs()
    prefect_session.show_plain_errors()
    variants = text_variants(config, ablation)
    trained = experiment.train_all(
        requests(variants, ablation.seeds, accelerator, artifacts), runner
    )
    report = ablation_report(variants, trained, seen_controls(variants, artifacts))
    folder = experiment.keep("ablation", report, artifacts)
    draw_ablation(report, folder)
    markdown = ablation_shown(report).markdown(folder / f"{PICTURE}.png")
    create_markdown_artifact(markdown, key="ablation")
    return report


def main(parameters: dict[str, Any]) -> None:
    """Run the flow for a person."""
    experiment.run_in_terminal(
        ablation_flow,
        parameters,
        ablation_shown,
        lambda made: 2 + len(made.results) * (parameters["ablation"].seeds + 3),
    )


if __name__ == "__main__":
    main(PARAMETERS)
