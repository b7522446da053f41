"""Train with other forms of the text: `python flows/ablation_flow.py --source imdb`.

`--help` shows all options. Each training is a run of its own, in a process of its own.
"""

from flows import ablation_command, train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, so that --help and mistakes take no time.
    OPTIONS = ablation_command.read_options()
train_command.begin_process()

from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from prefect import flow, runtime, task  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402

from flows import prefect_session, task_runners  # noqa: E402
from flows.ablation_command import AblationOptions  # noqa: E402
from flows.ablation_text import ablation_markdown  # noqa: E402
from flows.failure_hook import keep_failure_record  # noqa: E402
from flows.train_in_process import TrainingRequest, train_in_process  # noqa: E402
from tasks import steps  # noqa: E402
from tasks.ablation import text_variants, tokens_name, words_name  # noqa: E402
from tasks.ablation_config import AblationConfig  # noqa: E402
from tasks.ablation_report import ABLATION_JSON, AblationReport, ablation_report  # noqa: E402
from tasks.artifact_store import ArtifactStore  # noqa: E402
from tasks.draw_ablation import PICTURE, draw_ablation  # noqa: E402
from tasks.folder_lock import in_use  # noqa: E402
from tasks.record_files import write_record  # noqa: E402
from tasks.run_manifest import ControlScore, RunSummary  # noqa: E402
from tasks.runner_config import RunnerConfig  # noqa: E402
from tasks.step_runner import StepRunner  # noqa: E402
from tasks.training_config import Accelerator, TextConfig, TrainingConfig, with_seed  # noqa: E402


@task(
    name="train-variant",
    task_run_name="train {name}, seed {request.config.fit.seed}",
    # The steps of the run come from the cache of the artifacts folder, which says why.
    cache_policy=NO_CACHE,
)
def train_variant(name: str, request: TrainingRequest, api: str) -> RunSummary:  # noqa: ARG001 - names the task run
    """Return the summary of one run, trained in a process of its own."""
    return train_in_process(request, api)


def variant_name(text: TextConfig) -> str:
    """Return what tells a variant from the others."""
    return f"{tokens_name(text)} tokens, {words_name(text)} words"


def train_variants(
    variants: Sequence[TrainingConfig],
    seeds: int,
    runner: RunnerConfig,
    accelerator: str,
    artifacts: Path,
) -> list[dict[int, RunSummary]]:
    """Return the summaries of the runs of each variant, by seed."""
    api = prefect_session.api_url()
    started: list[dict[int, Any]] = [{} for _ in variants]
    with task_runners.task_runner(runner) as place:
        # Seed by seed, so that an interrupted ablation has whole rows.
        for seed in range(variants[0].fit.seed, variants[0].fit.seed + seeds):
            for variant, by_seed in zip(variants, started, strict=True):
                request = TrainingRequest(
                    config=with_seed(variant, seed), accelerator=accelerator, artifacts=artifacts
                )
                asked = {"name": variant_name(variant.text), "request": request, "api": api}
                by_seed[seed] = place.submit(train_variant, asked)
        return [{seed: future.result() for seed, future in one.items()} for one in started]


def seen_controls(variants: Sequence[TrainingConfig], artifacts: Path) -> list[list[ControlScore]]:
    """Return the linear controls of each variant, on what its network sees."""
    config = variants[0]
    with in_use(artifacts):
        store = ArtifactStore(artifacts).open()
        run = StepRunner(store)
        files = run.fresh(steps.fetch, config.source, store)
        loaded = run.cached(steps.load, files, config.data, store)
        found = []
        for variant in variants:
            padded = run.cached(steps.pad, loaded, variant.text, config.protocol, store)
            persisted = run.cached(steps.persist, padded, config.data.row_group_rows, store)
            facts = run.cached(steps.control_seen, persisted, store).facts
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
    trained = train_variants(variants, ablation.seeds, runner, accelerator, artifacts)
    report = ablation_report(variants, trained, seen_controls(variants, artifacts))
    folder = artifacts / "ablation" / str(runtime.flow_run.id)
    write_record(folder / ABLATION_JSON, report)
    draw_ablation(report, folder)
    markdown = ablation_markdown(report, folder / f"{PICTURE}.png")
    create_markdown_artifact(markdown, key="ablation")
    return report


def main(options: AblationOptions) -> None:
    """Run the flow for a person."""
    report = prefect_session.call_flow(
        ablation_flow,
        options.artifacts,
        vars(options),
        lambda made: 2 + len(made.results) * (options.ablation.seeds + 3),
    )
    ablation_command.show(report)


if __name__ == "__main__":
    main(OPTIONS)
