"""Measures of how far training reviews have drifted, each with its bound and its p-value."""

import numpy as np
from scipy.stats import chi2, norm

from tasks.config.drift import DriftConfig
from tasks.drift.report import DriftMeasure
from tasks.drift.stability import decile_counts, stability_index, stability_p_value
from tasks.model.answers import classes_given


def length_measure(champion: np.ndarray, new: np.ndarray, config: DriftConfig) -> DriftMeasure:
    """Return the stability index of the reviews' lengths over the deciles of the champion's."""
    counts = decile_counts(champion, new)
    index = stability_index(*counts)
    found = index, stability_p_value(index, len(champion), len(new), len(counts[0]))
    values = float(champion.mean()), float(new.mean())
    statistic, bound = "stability index of the lengths", config.largest_length_psi
    return measure("length", statistic, found, bound, config.level, values)


def unknown_measure(
    champion: tuple[np.ndarray, np.ndarray], new: tuple[np.ndarray, np.ndarray], config: DriftConfig
) -> DriftMeasure:
    """Return by how much the share of words grew that the champion does not know.

    Of each review there are its unknown words and all its words. Those of the champion are of its
    test reviews, since it learned its words on the others.
    """
    (before, error_before), (now, error_now) = (_ratio(*counts) for counts in (champion, new))
    value, error = now - before, (error_before**2 + error_now**2) ** 0.5
    found = value, _upper(value, error)
    statistic, bound = "growth of the share", config.largest_unknown_increase
    return measure("unknown words", statistic, found, bound, config.level, (before, now))


def balance_measure(champion: np.ndarray, new: np.ndarray, config: DriftConfig) -> DriftMeasure:
    """Return by how much the share of a label changed, of two that of label 1, else the largest.

    Labels are numbers from 0 on. The p-value is that of Pearson's test that all shares are equal:
    K. Pearson, Philosophical Magazine 50 (1900), 157-175.
    """
    classes = max(2, 1 + int(max(champion.max(), new.max())))
    counts = np.stack([np.bincount(labels, minlength=classes) for labels in (champion, new)])
    reviews = counts.sum(axis=1, keepdims=True)
    shares, both = counts / reviews, counts.sum(axis=0) / reviews.sum()
    seen = both > 0
    statistic = float((reviews * (shares - both)[:, seen] ** 2 / both[seen]).sum())
    change = np.abs(shares[1] - shares[0])
    label = max(classes_given(classes), key=change.__getitem__)
    found = float(change[label]), float(chi2.sf(statistic, max(1, int(seen.sum()) - 1)))
    of_label = float(shares[0, label]), float(shares[1, label])
    statistic_name, bound = "change of a label's share", config.largest_balance_change
    return measure("label balance", statistic_name, found, bound, config.level, of_label)


def measure(
    name: str,
    statistic: str,
    found: tuple[float, float],
    bound: float,
    level: float,
    values: tuple[float | None, float | None] = (None, None),
) -> DriftMeasure:
    """Return a measure, given the value and p-value found, and the sets' values if any."""
    (value, p_value), (champion, new) = found, values
    return DriftMeasure(
        name=name,
        statistic=statistic,
        champion=champion,
        new=new,
        value=value,
        bound=bound,
        p_value=p_value,
        drifted=value > bound and p_value <= level,
    )


def _ratio(parts: np.ndarray, wholes: np.ndarray) -> tuple[float, float]:
    """Return the share of all parts in all wholes, and its standard error over the reviews.

    Source: W. G. Cochran, "Sampling Techniques", 3rd edition 1977, chapter 6: ratio estimates.
    """
    ratio = float(parts.sum() / wholes.sum())
    residuals = parts - ratio * wholes
    return ratio, float(residuals.std() / wholes.mean() / len(wholes) ** 0.5)


def _upper(value: float, error: float) -> float:
    """Return the probability of a normal value that is as large, around zero with this error."""
    if error == 0:
        return 1.0 if value <= 0 else 0.0
    return float(norm.sf(value / error))
