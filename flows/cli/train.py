"""Command line of the training flow: options from the config, answers before Prefect loads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter, validators
from pydantic import Field
from rich.text import Text

from flows.cli.app import Ready
from flows.cli.help import DATA, DRIFT, OWN, PROMOTION, RECIPE, RUNNING, command_app
from flows.cli.options import ConfigOptions, DataOptions, NamingOptions, SourceOptions
from flows.display.ending import print_ending
from flows.display.plan import plan_shown
from flows.display.terminal import fail, show_lines
from tasks.common.device import CPU, select_accelerator, use_device
from tasks.common.errors import InvalidConfigError
from tasks.common.tables import Table
from tasks.config.drift import DriftConfig
from tasks.config.experiments import LabelErrorsConfig, LabelNextConfig
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.recipes import DEFAULT_RECIPE, recipes
from tasks.config.request import DebugMode, TrainOptions
from tasks.config.training import (
    NETWORKS,
    CachedStep,
    Source,
    SourceConfig,
    TrainingConfig,
    validated_config,
)
from tasks.model.own.code import check_network
from tasks.plan import plan_training
from tasks.run_summary import RunSummary

if TYPE_CHECKING:
    from tasks.check_network import Guarantee

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

label_errors_app = command_app(
    "label-errors",
    first=(
        *("--output", "--rows", "--fill", "--folds", "--judges", "--source", "--train-file"),
        *("--text-column", "--label-column", "--group-column", "--label-fixes", "--config"),
        "--artifacts",
    ),
    examples=(
        ("label-errors --train-file reviews.csv", "Which labels of a table deserve a second look"),
        ("train --train-file reviews.csv --label-fixes label_errors.csv", "Train, once corrected"),
        ("label-errors --config latest --fill drop", "Those of a run; to leave the rows out"),
    ),
)
label_next_app = command_app(
    "label-next",
    first=(
        *("--texts", "--output", "--rows", "--source", "--train-file", "--text-column"),
        *("--label-column", "--group-column", "--config", "--artifacts"),
    ),
    examples=(
        ("label-next --texts new.csv --train-file reviews.csv", "Which texts would teach most"),
        ("label-next --texts new.csv --config latest --rows 50", "To add to the table of a run"),
    ),
)
for one in (label_errors_app, label_next_app):
    one.show = False  # listed by the program `sentiment`
    app.command(one)


class _CommandSource(SourceOptions):
    """The command line takes what it can get; the flow asks for one source."""

    source: Source = Field("auto", description=SourceConfig.model_fields["source"].description)


@Parameter(name="*")
@dataclass(frozen=True)
class _CommandConfig(ConfigOptions):
    """A config whose source is found."""

    source: Annotated[_CommandSource, Parameter(name="*", group=DATA)] = _CommandSource()


@Parameter(name="*")
@dataclass(frozen=True)
class _LabellingConfig(DataOptions):
    """The reviews whose labels are looked at; networks have no part in that."""

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
    debug: Annotated[
        DebugMode | None,
        Parameter(
            help="Train no model, but find mistakes in seconds, on some of the training reviews."
            " overfit: can the network learn one batch by heart? one-step: one step of all, up to"
            " the report. profile: where does the time of a training step go?",
            group=RUNNING,
        ),
    ] = None,
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
    if debug:
        if plan or promote or check_drift:
            raise InvalidConfigError(
                "--debug leaves no run: leave out --plan, --promote, --check-drift"
            )
        _debug(asked, debug)
        return None
    if plan:
        show_lines(*plan_shown(plan_training(asked), asked))
        return None
    return Ready(asked, _start)


@app.command(name="check-network", show=False)  # listed by the program `sentiment`
def check(
    network: Annotated[
        str,
        Parameter(
            help="The function that returns it, as my_net.py:build, or an architecture's name."
        ),
    ],
    /,
    *,
    network_option: Annotated[
        str | None, Parameter(help="Options of that function, as units=64,rate=0.1.")
    ] = None,
    embeddings: Annotated[
        Path | None, Parameter(help="Vectors of words: a text file of GloVe, word2vec or fastText.")
    ] = None,
    maxlen: Annotated[
        int,
        Parameter(
            help="Tokens per review; more where the network shortens them much.",
            validator=validators.Number(gte=1),
        ),
    ] = 48,
) -> None:
    """Try a network of your own on made-up reviews: does all that is promised hold for it?"""
    named = "architecture" if network in NETWORKS else "network"
    groups = {named: network, "network_option": network_option, "embeddings": embeddings}
    given = {name: value for name, value in groups.items() if value is not None}
    config = validated_config(network=given, text={"maxlen": maxlen})
    check_network(config.network)
    use_device(CPU)
    if _failures(_tried(config)):
        fail(f"{network} does not hold all that is promised; docs/own_network.md says why it must")
    show_lines(Text(f"{network} holds all that is promised of a network.", style="bold"))


@label_errors_app.default
def label_errors(
    *,
    search: Annotated[LabelErrorsConfig, Parameter(name="*", group=OWN)] = LabelErrorsConfig(),
    options: _LabellingConfig = _LabellingConfig(),
) -> None:
    """List the training reviews whose label is likely wrong, as a table to correct.

    Models that have not learned from a review judge its label. Test reviews are left alone: who
    fixes those that a model finds wrong has the model judge itself.
    """
    show_lines(_listed(options, search))


@label_next_app.default
def label_next(
    *,
    search: Annotated[LabelNextConfig, Parameter(name="*", group=OWN)],
    options: _LabellingConfig = _LabellingConfig(),
) -> None:
    """Choose the unlabelled texts that would teach most, as a table to label.

    The naive Bayes baseline is unsure of them, and they differ. What the choice brings is tried on
    labels that are known.
    """
    show_lines(_listed(options, search))


def _listed(options: _LabellingConfig, search: LabelErrorsConfig | LabelNextConfig) -> Table:
    config, artifacts = options.training_config(), options.artifacts.expanduser()
    use_device(CPU)  # else TensorFlow, which the judges import, writes its notices
    from tasks.labelling import choose_to_label, find_label_errors

    if isinstance(search, LabelNextConfig):
        return choose_to_label.chosen_to_label(config, artifacts, search)
    return find_label_errors.found_label_errors(config, artifacts, search, show_lines)


def _debug(options: TrainOptions, mode: DebugMode) -> None:
    use_device(select_accelerator(options.accelerator))
    if _failures(_tried(options, mode)):
        fail(f"--debug {mode} found a mistake, told above: fix it, and try again")
    show_lines(Text(f"This was --debug {mode}, which leaves no run and no model.", style="bold"))


def _tried(
    what: TrainingConfig | TrainOptions, mode: DebugMode = "overfit"
) -> Iterator["Guarantee | Table"]:
    from tasks import check_network, debug_training

    if isinstance(what, TrainOptions):
        return debug_training.debug_training(what, mode)
    return check_network.tried_guarantees(what.network, what.text.maxlen)


def _failures(found: Iterator["Guarantee | Table"]) -> int:
    """Show what was tried, and count what does not hold."""
    failed = 0
    for one in found:
        if isinstance(one, Table):
            show_lines(one)
            continue
        failed += not one.holds
        mark = Text("holds  ", "green") if one.holds else Text("FAILS  ", "bold red")
        show_lines(mark + Text(f"{one.name} ({one.seconds:.0f} s): {one.seen}"))
    return failed


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


def run_here(options: TrainOptions, *, for_person: bool = False) -> RunSummary:
    """Run the training flow in this process, which was prepared for it, and return its summary."""
    from flows.pipelines.train import run_flow

    return run_flow(options, for_person=for_person)


def _start(options: TrainOptions) -> None:
    print_ending(run_here(options, for_person=True))
