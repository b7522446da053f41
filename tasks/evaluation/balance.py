"""Whether the labels are balanced, and which score leads where they are not."""

from typing import Any

from tasks.common.artifact_store import Fact

_LARGEST_MAJORITY = 1.2
"""Times the share that each label would have were they balanced: of two labels 60 %."""


def is_unbalanced(metrics: dict[str, Any]) -> bool:
    """Return whether the most common label has far more than an equal share of the reviews."""
    labels = len(metrics["by_label"]) if "by_label" in metrics else 2
    return bool(metrics["majority_share"] > _LARGEST_MAJORITY / labels)


def leading_facts(metrics: dict[str, Any]) -> dict[str, Fact]:
    """Return the macro F1 and the bounds of its 95 % interval, where it says more than accuracy.

    That is of more than two labels that are not balanced, since a rare one hardly moves accuracy.
    """
    if "macro_f1" not in metrics or not is_unbalanced(metrics):
        return {}
    low, high = metrics["macro_f1_interval_95"]
    return {"macro_f1": metrics["macro_f1"], "macro_f1_low": low, "macro_f1_high": high}
