"""Command lines of the flows that train many times: seeds, ablation, sweep."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from flows.cli.app import Ready
from flows.cli.help import OWN, RUNNING, command_app
from flows.cli.options import ConfigOptions
from tasks.config.experiments import (
    AblationConfig,
    RunnerConfig,
    SeedsConfig,
    SweepConfig,
    require_honest,
)
from tasks.config.search_space import read_space
from tasks.config.training import require_pinned
from tasks.experiments.ablation import text_variants

Parameters = dict[str, Any]

_WHERE = (
    "--source",
    "--train-file",
    "--recipe",
    "--config",
    "--epochs",
    "--seed",
    "--workers",
    "--artifacts",
)

seeds_app = command_app(
    "seeds",
    first=("--seeds", "--protocols", *_WHERE),
    examples=(
        ("seeds --seeds 5", "Five seeds, under both protocols"),
        ("seeds --recipe ngrams --protocols honest", "One protocol alone"),
        ("seeds --seeds 8 --workers 2", "Two trainings at the same time"),
        ("seeds --train-file reviews.csv --seed 10", "Your own table, from seed 10 on"),
    ),
)

ablation_app = command_app(
    "ablation",
    first=("--tokens", "--words", "--seeds", *_WHERE),
    examples=(
        ("ablation", "What other tokens and other words would score"),
        ("ablation --tokens first-100 --tokens last-100", "The ends of the reviews"),
        ("ablation --words 5000 --words 50000", "Smaller and larger vocabularies"),
        ("ablation --recipe ngrams --seeds 3", "Another network, with three seeds each"),
    ),
)

sweep_app = command_app(
    "sweep",
    first=("--trials", "--minutes", "--study", "--space", *_WHERE),
    examples=(
        ("sweep --recipe ngrams --trials 20", "Twenty trials; the same command again resumes"),
        ("sweep --minutes 30", "For half an hour"),
        ("sweep --space fields.toml --study mine", "Your own fields to vary"),
        ("sweep --trials 40 --workers 2", "Two trials at the same time"),
    ),
)


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingsOptions:
    """What is trained, and where."""

    runner: Annotated[RunnerConfig, Parameter(name="*", group=RUNNING)] = RunnerConfig()
    options: ConfigOptions = ConfigOptions()

    def checked(self) -> Parameters:
        """Return the parameters that all these flows have.

        Raises:
            AcceleratorError: The accelerator is not there.
            InvalidConfigError: A value is unknown or impossible.
        """
        config = self.options.training_config()
        require_pinned(config.source)
        return {
            "config": config,
            "runner": self.runner,
            "accelerator": self.options.accelerator,
            "artifacts": self.options.artifacts.expanduser().absolute(),
        }


@seeds_app.default
def seeds(
    *,
    seeds: Annotated[SeedsConfig, Parameter(name="*", group=OWN)] = SeedsConfig(),
    trainings: TrainingsOptions = TrainingsOptions(),
) -> Ready[Parameters]:
    """Train with several seeds, under both protocols, and show what they say together."""
    return Ready({"seeds": seeds, **trainings.checked()}, partial(_start, "seeds"))


@ablation_app.default
def ablation(
    *,
    ablation: Annotated[AblationConfig, Parameter(name="*", group=OWN)] = AblationConfig(),
    trainings: TrainingsOptions = TrainingsOptions(),
) -> Ready[Parameters]:
    """Train with other tokens and other words, and show what the form of the text matters."""
    checked = trainings.checked()
    text_variants(checked["config"], ablation)  # refused before anything starts
    return Ready({"ablation": ablation, **checked}, partial(_start, "ablation"))


@sweep_app.default
def sweep(
    *,
    sweep: Annotated[SweepConfig, Parameter(name="*", group=OWN)] = SweepConfig(),
    trainings: TrainingsOptions = TrainingsOptions(),
) -> Ready[Parameters]:
    """Search for better numbers on the validation reviews, and score the winner once."""
    checked = trainings.checked()
    require_honest(checked["config"].protocol)
    read_space(sweep.space, checked["config"])
    return Ready({"sweep": sweep, **checked}, partial(_start, "sweep"))


def _start(kind: Literal["seeds", "ablation", "sweep"], parameters: Parameters) -> None:
    from flows.pipelines import ablation, seeds, sweep

    run = {"seeds": seeds.run_seeds, "ablation": ablation.run_ablation, "sweep": sweep.run_sweep}
    run[kind](parameters)
