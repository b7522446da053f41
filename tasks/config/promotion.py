"""What a model must prove before it becomes the champion: one frozen, validated config.

The defaults let the README's run with seed 0 pass as a first champion (accuracy 0.8811, linear
baseline 0.8826, calibration error 0.02, 25 MiB, 1.3 to 3.4 ms per review on two shared cores)
and refuse that with seed 1 (0.8685, calibration error 0.055).
"""

from typing import Literal

from pydantic import Field

from tasks.common.errors import InvalidConfigError
from tasks.common.records import Settings
from tasks.config.training import ProtocolConfig


class PromotionConfig(Settings):
    """The bounds of all gates."""

    floor: float = Field(0.85, ge=0, le=1)
    """Smallest test accuracy. The default is three points below what a linear model reaches on
    IMDB: what scores less has not learned the task."""
    slice_floor: float = Field(0.0, ge=0, le=1)
    """Smallest accuracy of each slice of the test reviews: one whose 95 % interval lies below is
    refused. 0: none is."""
    mode: Literal["better", "not_worse"] = "better"
    """better: McNemar's exact test must show that the challenger beats the champion. not_worse:
    the interval of the difference must lie above minus the margin."""
    level: float = Field(0.05, gt=0, le=0.5)
    """Largest probability that any interim test on the same test reviews wrongly favours its
    challenger; all of these tests share it."""
    fewest_reviews: int = Field(100, ge=1)
    """Fewest test reviews that challenger and champion are compared by: those that neither has
    learned from. Of a hundred, five must be judged better and none worse for a p of 0.06."""
    margin: float = Field(0.005, ge=0, lt=1)
    """How much less accurate than the champion not_worse allows. The default is the half-width
    of the paired 95 % interval on 25,000 reviews and a bit."""
    baseline: Literal["tf_idf", "naive_bayes"] = "tf_idf"
    """The linear baseline that is asked of. naive_bayes scores three points more on IMDB: the
    tutorial's network does not pass it, the recipe ngrams does."""
    baseline_margin: float = Field(0.01, ge=0, lt=1)
    """How far below that baseline the accuracy may lie. The default is about the spread between
    seeds."""
    largest_calibration_error: float = Field(0.05, ge=0, le=1)
    """Largest expected calibration error; the report warns from the same bound on."""
    largest_latency_ms: float = Field(20.0, gt=0)
    """Most milliseconds per review, the median over batches of the evaluation's size. The
    default leaves a busy laptop more than ten times what two free cores need."""
    largest_model_mib: float = Field(100.0, gt=0)
    """Largest model file in MiB; the tutorial's network has 25 with the state of its optimizer."""


def require_promotable(promotion: PromotionConfig | None, protocol: ProtocolConfig) -> None:
    """Raise an InvalidConfigError for what no gate could pass, before it is trained."""
    if promotion is not None and protocol.protocol != "honest":
        raise InvalidConfigError(
            f"protocol={protocol.protocol!r}: promotion needs protocol 'honest', since this one"
            " chooses the epoch on the test reviews that a champion is judged by"
        )
