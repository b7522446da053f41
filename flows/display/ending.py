"""What a training ends with in the terminal: the verdict, what was kept, the report, what next."""

import shlex
from pathlib import Path
from typing import Any

from rich.text import Text

from flows.display.run_tables import headline
from flows.display.terminal import ARTIFACTS, show_lines
from tasks.config.commands import spelled
from tasks.config.recipes import with_recipe
from tasks.config.repeat import train_command
from tasks.config.training import ConvBilstmConfig, TrainingConfig
from tasks.registry.events import Decision
from tasks.reports.tables import METRICS as TITLES
from tasks.reports.tables import SEVERAL, metric_text
from tasks.reports.verdict import Level, Verdict, run_verdict
from tasks.run_summary import RunSummary
from tasks.runs.find import find_run
from tasks.runs.manifest import Manifest
from tasks.runs.read import METRICS, REPORT, read_config, read_json

_STYLES: dict[Level, str] = {"good": "bold green", "mind": "bold yellow", "bad": "bold red"}

_BETTER_RECIPE = "ngrams"


def print_ending(summary: RunSummary) -> None:
    """Print the verdict on a run, why its training ended, its report, and the next command."""
    artifacts = summary.folder.parent.parent
    run = find_run(artifacts, str(summary.folder))
    manifest, config = run.manifest, read_config(run)
    verdict = run_verdict(run.folder, manifest)
    decision = summary.promotion
    show_lines(
        _verdict_line(manifest, verdict),
        *_several_line(read_json(run.folder, METRICS)),
        _training_line(manifest, config),
        *([decision.headline] if decision is not None else []),
        f"Report: {run.folder / REPORT}",
        f"Next: {_next(artifacts, config, manifest, verdict, decision)}",
    )


def _verdict_line(manifest: Manifest, verdict: Verdict) -> Text:
    said = verdict.sentence.removeprefix(f"{manifest.score.accuracy:.4f}")
    said = said if said.startswith(",") else f"; {said}"
    return Text.assemble((headline(manifest.score), "bold"), (said, _STYLES[verdict.level]))


def _several_line(metrics: dict[str, Any]) -> list[str]:
    """Return the scores that more than two labels have alone, in one line, if any."""
    known = [name for name in SEVERAL if name in metrics]
    said = ", ".join(f"{TITLES[name]} {metric_text(metrics, name)}" for name in known)
    return [f"{said}; 95 % intervals in brackets."] if said else []


def _training_line(manifest: Manifest, config: TrainingConfig) -> str:
    done, best = manifest.training.epochs_run, manifest.training.best_epoch
    kept = f"Epoch {best} of {done}, with the lowest validation loss, was kept"
    if done == config.fit.epochs:
        return f"{kept}; no more epochs were asked for."
    return f"{kept}; training ended since the {done - best} after it were no better."


def _next(
    artifacts: Path,
    config: TrainingConfig,
    manifest: Manifest,
    verdict: Verdict,
    decision: Decision | None,
) -> str:
    """Return the command that most people type next."""
    where = "" if artifacts == ARTIFACTS else f" --artifacts {shlex.quote(str(artifacts))}"
    if decision is not None and decision.champion == manifest.run_id:
        return spelled(f'predict "A lovely film, warm and clever."{where}')
    if decision is not None:
        return spelled(f"history{where}")
    if verdict.level == "bad" and isinstance(config.network, ConvBilstmConfig):
        other = with_recipe(_BETTER_RECIPE, {"source": config.source})
        return f"{train_command(other, manifest.source.source)}{where}"
    return spelled(f"{'promote' if verdict.level == 'good' else 'runs show'} latest{where}")
