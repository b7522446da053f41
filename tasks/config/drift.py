"""When training reviews count as drifted from the champion's: one frozen, validated config.

A measure alarms only where the change is larger than its bound and also larger than chance makes
it. With 25,000 reviews every change is beyond chance; with 200 chance alone makes large ones.
"""

from typing import Literal

from pydantic import Field

from tasks.common.records import Settings


class DriftConfig(Settings):
    """The bounds of all measures, and what to do beyond them."""

    action: Literal["warn", "stop"] = "warn"
    """warn: say it and train. stop: end the run before it trains; also where the champion's
    training reviews are not available."""
    largest_length_psi: float = Field(0.1, gt=0)
    """Largest population stability index of the lengths. By the rule of thumb a shift is small
    up to 0.1, and large from 0.25 on."""
    largest_word_psi: float = Field(0.1, gt=0)
    """Largest population stability index of the words, by the same rule."""
    largest_unknown_increase: float = Field(0.02, gt=0, le=1)
    """By how much the share of words that the champion does not know may grow."""
    largest_balance_change: float = Field(0.05, gt=0, le=1)
    """By how much the share of a label may change."""
    largest_auc: float = Field(0.6, ge=0.5, lt=1)
    """How well a classifier may tell the two sets of reviews apart: 0.5 is not at all, 1 is
    perfectly."""
    level: float = Field(0.001, ge=0.001, le=0.5)
    """Probability with which chance alone may make each measure look changed."""
    sample: int = Field(5000, ge=50)
    """Reviews of each set whose words are compared; half of them teach the classifier."""
    fewest_new: int = Field(50, ge=1)
    """Fewest training reviews that must be new to the champion for a judgement."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of that sample."""
