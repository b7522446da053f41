"""Train with other forms of the text, each training in a process of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow

from flows.display.experiments import ablation_shown
from flows.orchestration import session
from flows.orchestration.failure_hook import RECORDED
from flows.pipelines import experiment
from flows.pipelines.experiment import run_in_terminal
from tasks import steps
from tasks.cache.runner import StepRunner, as_task
from tasks.chain import load, prepare
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import Accelerator
from tasks.config.experiments import AblationConfig, RunnerConfig
from tasks.config.training import TrainingConfig
from tasks.experiments.ablation import text_variants, tokens_name, words_name
from tasks.experiments.ablation_chart import draw_ablation
from tasks.experiments.side_by_side import SideBySide, side_by_side
from tasks.runs.manifest import BaselineScore


def seen_baselines(
    variants: Sequence[TrainingConfig], artifacts: Path
) -> list[list[BaselineScore]]:
    """Return the linear baselines of each variant, on what its network sees."""
    with ArtifactStore(artifacts).in_use() as store:
        run = StepRunner(store)
        files = run.fresh(as_task(steps.fetch), variants[0].source)
        found = []
        for variant in variants:
            seen = prepare(run, load(run, files, variant), variant)
            form = variant.text.tokenizer, variant.baselines
            facts = run.cached(steps.baseline_seen, seen, *form).facts
            found.append([BaselineScore.from_facts(facts, prefix) for prefix in ("", "bayes_")])
    return found


@flow(
    name="ablation",
    description="Train with other tokens and words, one change at a time, and show what each"
    " scores beside linear baselines that see the same.",
    **RECORDED,
)
def ablation_flow(
    config: TrainingConfig = TrainingConfig(),
    ablation: AblationConfig = AblationConfig(),
    runner: RunnerConfig = RunnerConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
) -> SideBySide:
    """Train all variants, report them, and keep table and chart under `artifacts/ablation`.

    Args:
        config: What the variants vary; its seed is the first one.
        ablation: The variants, and how many seeds each.
        runner: Where, and how many at the same time.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache and the runs.
    """
    session.begin_flow()
    variants = text_variants(config, ablation)
    asked = experiment.with_seeds(variants, ablation.seeds, _name)
    trained = experiment.train_all(asked, runner, accelerator, artifacts)
    report = side_by_side(variants, trained, seen_baselines(variants, artifacts))
    experiment.keep("ablation", report, ablation_shown(report), artifacts, draw_ablation)
    return report


def _name(config: TrainingConfig) -> str:
    return f"{tokens_name(config.text)} tokens, {words_name(config.text)} words"


def run_ablation(parameters: dict[str, Any]) -> None:
    """Run the flow for a person."""
    trainings = parameters["ablation"].seeds + 3
    run_in_terminal(
        ablation_flow, parameters, ablation_shown, lambda made: 2 + len(made.groups) * trainings
    )
