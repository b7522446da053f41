"""Command line of the training flow: options from the config, answers before Prefect loads."""

from dataclasses import dataclass
from typing import Annotated, TypeVar

from cyclopts import Parameter
from pydantic import Field
from rich.text import Text

from flows.cli.app import Ready
from flows.cli.help import DATA, DRIFT, PROMOTION, RECIPE, RUNNING, command_app
from flows.cli.options import ConfigOptions, NamingOptions, SourceOptions
from flows.display.plan import plan_shown
from flows.display.terminal import show_lines
from tasks.common.errors import InvalidConfigError
from tasks.config.drift import DriftConfig
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.recipes import DEFAULT_RECIPE, recipes
from tasks.config.request import TrainOptions
from tasks.config.training import CachedStep, Source, SourceConfig
from tasks.plan import plan_training

G = TypeVar("G", PromotionConfig, DriftConfig)

app = command_app(
    "train",
    first=(
        *("--source", "--train-file", "--test-file", "--recipe", "--list-recipes", "--config"),
        *("--epochs", "--seed", "--promote", "--plan", "--accelerator", "--name", "--artifacts"),
    ),
    examples=(
        (
            "train --recipe ngrams",
            "A quicker and better network than the tutorial's",
        ),
        ("train --train-file reviews.csv --label-column stars", "Your own table"),
        ("train --config latest --seed 1", "The newest run again, with another seed"),
        ("train --train-file reviews.csv --promote", "Make it the champion if it is better"),
    ),
)


class _CommandSource(SourceOptions):
    """The command line takes what it can get; the flow asks for one source."""

    source: Source = Field("auto", description=SourceConfig.model_fields["source"].description)


@Parameter(name="*")
@dataclass(frozen=True)
class _CommandConfig(ConfigOptions):
    """A config whose source is found."""

    source: Annotated[_CommandSource, Parameter(name="*", group=DATA)] = _CommandSource()


@app.default
def train(
    *,
    list_recipes: Annotated[
        bool,
        Parameter(help="Print all recipes with their scores and costs.", negative=(), group=RECIPE),
    ] = False,
    options: _CommandConfig = _CommandConfig(),
    naming: NamingOptions = NamingOptions(),
    refresh: Annotated[
        tuple[CachedStep, ...] | None,
        Parameter(
            help="Compute these steps again; all of them where none is named.",
            negative=(),
            consume_multiple=True,
            group=RUNNING,
        ),
    ] = None,
    cache: Annotated[
        bool,
        Parameter(help="Look up and keep results; without, nothing can be resumed.", group=RUNNING),
    ] = True,
    promote: Annotated[
        bool,
        Parameter(
            help="Make the run the champion if it passes all gates.", negative=(), group=PROMOTION
        ),
    ] = False,
    promotion: Annotated[PromotionConfig, Parameter(name="*", group=PROMOTION)] = PromotionConfig(),
    check_drift: Annotated[
        bool,
        Parameter(
            help="Compare the training reviews with the champion's before training.",
            negative=(),
            group=DRIFT,
        ),
    ] = False,
    drift: Annotated[DriftConfig, Parameter(name="drift", group=DRIFT)] = DriftConfig(),
    plan: Annotated[
        bool,
        Parameter(
            help="Only say which steps would be computed, why, and how long it may take.",
            negative=(),
            group=RUNNING,
        ),
    ] = False,
) -> Ready[TrainOptions] | None:
    """Train the sentiment network on movie reviews and leave a versioned run folder."""
    if list_recipes:
        show_lines(*_recipe_lines())
        return None
    gates = _asked_for(promotion, "--", "--promote", asked=promote)
    bounds = _asked_for(drift, "--drift.", "--check-drift", asked=check_drift)
    config = options.training_config()
    require_promotable(gates, config.protocol)
    asked = TrainOptions(
        config=config,
        accelerator=options.accelerator,
        artifacts=options.artifacts.expanduser(),
        refresh=("all",) if refresh == () else refresh or (),
        cache=cache,
        promotion=gates,
        drift=bounds,
        naming=naming.naming(),
    )
    if plan:
        show_lines(*plan_shown(plan_training(asked), asked))
        return None
    return Ready(asked, _start)


def _recipe_lines() -> list[str | Text]:
    """Return what each recipe is, scores and costs, and how it is trained."""
    found = recipes()
    first = found[DEFAULT_RECIPE].expected.cpu_seconds
    shown: list[str | Text] = []
    for recipe in found.values():
        expected = recipe.expected
        shown += [
            Text(recipe.name, style="bold"),
            f"  {recipe.description}",
            f"  test accuracy {expected.accuracy:.4f} ± {expected.spread:.4f} over"
            f" {expected.seeds} seeds; {expected.cpu_seconds:.0f} s of processor time,"
            f" {expected.cpu_seconds / first:.2f} of {DEFAULT_RECIPE}'s",
            f"  {recipe.command}",
        ]
    return [*shown, "", "Honest protocol, official IMDB split. More: docs/recipes.md"]


def _asked_for(group: G, options: str, flag: str, *, asked: bool) -> G | None:
    """Return the settings of an optional step, None where the step is not requested."""
    if group.model_fields_set and not asked:
        name, *_ = sorted(group.model_fields_set)
        raise InvalidConfigError(f"{options}{name.replace('_', '-')}: needs {flag}")
    return group if asked else None


def _start(options: TrainOptions) -> None:
    from flows.pipelines.train import run_in_terminal

    run_in_terminal(options)
