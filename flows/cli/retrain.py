"""Command line of retraining: the options of a training that is repeated with the same config."""

from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from flows.cli.app import Ready
from flows.cli.help import DRIFT, PROMOTION, RUNNING, command_app
from flows.cli.options import ConfigOptions, NamingOptions
from tasks.config.drift import DriftConfig
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.training import require_pinned

app = command_app(
    "retrain",
    first=(
        *(
            "--source",
            "--train-file",
            "--recipe",
            "--config",
            "--epochs",
            "--seed",
            "--promote",
            "--floor",
        ),
        *("--check-drift", "--drift.action", "--accelerator", "--name", "--artifacts", "--force"),
    ),
    examples=(
        (
            "retrain --train-file reviews.csv",
            "What the table holds now",
        ),
        ("retrain --train-file reviews.csv --force", "The same, though nothing has changed"),
        (
            "retrain --recipe ngrams --baseline naive_bayes",
            "Ask for more than the better baseline",
        ),
        ("retrain --drift.action stop", "End before the training where the reviews have drifted"),
    ),
)


@Parameter(name="*")
@dataclass(frozen=True)
class Retraining(ConfigOptions):
    """What each run is called with."""

    promote: Annotated[
        bool, Parameter(help="Make a run the champion if it passes all gates.", group=PROMOTION)
    ] = True
    promotion: Annotated[PromotionConfig, Parameter(name="*", group=PROMOTION)] = PromotionConfig()
    check_drift: Annotated[
        bool, Parameter(help="Compare the training reviews with the champion's.", group=DRIFT)
    ] = True
    drift: Annotated[DriftConfig, Parameter(name="drift", group=DRIFT)] = DriftConfig()

    def parameters(self) -> dict[str, Any]:
        """Return the checked parameters of the flow, with absolute paths.

        Raises:
            InvalidConfigError: A value is impossible, or the source or the protocol does not fit.
            AcceleratorError: There is no such device.
        """
        promotion = self.promotion if self.promote else None
        config = self.training_config()
        require_pinned(config.source)
        require_promotable(promotion, config.protocol)
        return {
            "config": config.absolute(),
            "accelerator": self.accelerator,
            "artifacts": self.artifacts.expanduser().absolute(),
            "promotion": promotion,
            "drift": self.drift if self.check_drift else None,
        }


@app.default
def retrain(
    *,
    retraining: Retraining = Retraining(),
    naming: NamingOptions = NamingOptions(),
    force: Annotated[
        bool,
        Parameter(help="Train also where nothing has changed.", negative=(), group=RUNNING),
    ] = False,
) -> Ready[dict[str, Any]]:
    """Retrain once, now, as the schedule does."""
    asked = {**retraining.parameters(), "force": force, "naming": naming.naming()}
    return Ready(asked, _start)


def _start(parameters: dict[str, Any]) -> None:
    from flows.pipelines.retrain import run_retraining

    run_retraining(parameters)
