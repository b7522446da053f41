"""Command line of the training flow: options from the config, answers before Prefect loads."""

from dataclasses import dataclass
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from pydantic import Field
from rich.text import Text

from flows.cli.app import Ready
from flows.cli.options import ConfigOptions, NamingOptions
from flows.display.terminal import show_lines
from tasks.common.errors import InvalidConfigError
from tasks.config.drift import DriftConfig
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.recipes import DEFAULT_RECIPE, recipes
from tasks.config.request import TrainOptions
from tasks.config.training import CachedStep, Source, SourceConfig

G = TypeVar("G", PromotionConfig, DriftConfig)

app = App(name="train", version_flags=[])


class _CommandSource(SourceConfig):
    """The command line takes what it can get; the flow asks for one source."""

    source: Source = Field("auto", description=SourceConfig.model_fields["source"].description)


@Parameter(name="*")
@dataclass(frozen=True)
class _CommandConfig(ConfigOptions):
    """A config whose source is found."""

    source: Annotated[_CommandSource, Parameter(name="*", group="Source")] = _CommandSource()


@app.default
def train(
    *,
    list_recipes: Annotated[
        bool, Parameter(help="Print all recipes with their scores and costs.", negative=())
    ] = False,
    options: _CommandConfig = _CommandConfig(),
    naming: NamingOptions = NamingOptions(),
    refresh: Annotated[
        tuple[CachedStep, ...] | None,
        Parameter(
            help="Compute these steps again; all of them where none is named.",
            negative=(),
            consume_multiple=True,
        ),
    ] = None,
    cache: Annotated[
        bool, Parameter(help="Look up and keep results; without, nothing can be resumed.")
    ] = True,
    promote: Annotated[
        bool,
        Parameter(help="Make the run the champion if it passes all gates.", negative=()),
    ] = False,
    promotion: Annotated[
        PromotionConfig | None, Parameter(name="promotion", group="Gates of --promote")
    ] = None,
    check_drift: Annotated[
        bool,
        Parameter(
            help="Compare the training reviews with the champion's before training.", negative=()
        ),
    ] = False,
    drift: Annotated[
        DriftConfig | None, Parameter(name="drift", group="Bounds of --check-drift")
    ] = None,
) -> Ready[TrainOptions] | None:
    """Train the sentiment network on movie reviews and leave a versioned run folder."""
    if list_recipes:
        show_lines(*_recipe_lines())
        return None
    gates = _asked_for(promote, promotion, PromotionConfig, "--promotion", "--promote")
    bounds = _asked_for(check_drift, drift, DriftConfig, "--drift", "--check-drift")
    config = options.config()
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


def _asked_for(asked: bool, given: G | None, group: type[G], options: str, flag: str) -> G | None:  # noqa: FBT001
    """Return the group of an optional step, None where the step is not requested."""
    if given is not None and not asked:
        raise InvalidConfigError(f"options that begin with {options}. need {flag}")
    return (given or group()) if asked else None


def _start(options: TrainOptions) -> None:
    from flows.pipelines.train import run_in_terminal

    run_in_terminal(options)
