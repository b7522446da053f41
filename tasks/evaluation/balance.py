"""Whether the labels are balanced, and which score leads where they are not."""

import math
from typing import Any

from tasks.common.artifact_store import Fact

_LARGEST_MAJORITY = 1.2
"""Times the share that each label would have were they balanced: of two labels 60 %."""


def is_unbalanced(metrics: dict[str, Any]) -> bool:
    """Return whether the most common label has far more than an equal share of the reviews.

    Of many labels with few reviews each, one has more by chance: three standard deviations are
    allowed.
    """
    by_label = metrics.get("by_label", [])
    labels = len(by_label) or 2
    equal = sum(one["reviews"] for one in by_label) / labels
    by_chance = 3 / (labels * math.sqrt(equal)) if equal else 0.0
    allowed = max(_LARGEST_MAJORITY / labels, 1 / labels + by_chance)
    return bool(metrics["majority_share"] > allowed)


def leading_facts(metrics: dict[str, Any]) -> dict[str, Fact]:
    """Return the macro F1 and the bounds of its 95 % interval, where it says more than accuracy.

    That is of more than two labels that are not balanced, since a rare one hardly moves accuracy.
    """
    if "macro_f1" not in metrics or not is_unbalanced(metrics):
        return {}
    low, high = metrics["macro_f1_interval_95"]
    return {"macro_f1": metrics["macro_f1"], "macro_f1_low": low, "macro_f1_high": high}
