"""Measures of how far training reviews have drifted, each with its bound and its p-value."""

from statistics import NormalDist

import numpy as np

from tasks.config.drift import DriftConfig
from tasks.drift.report import DriftMeasure
from tasks.drift.stability import decile_counts, stability_index, stability_p_value
from tasks.drift.two_sample import TwoSampleTest


def length_measure(champion: np.ndarray, new: np.ndarray, config: DriftConfig) -> DriftMeasure:
    """Return the stability index of the lengths over the deciles of the champion's.

    Args:
        champion: Words of each of the champion's reviews, shape (n,).
        new: The same of the new ones, shape (m,).
        config: The bounds.
    """
    counts = decile_counts(champion, new)
    index = stability_index(*counts)
    p_value = stability_p_value(index, len(champion), len(new), len(counts[0]))
    values = (float(champion.mean()), float(new.mean()))
    statistic = "stability index of the lengths"
    return _measure("length", statistic, values, index, config.largest_length_psi, p_value, config)


def unknown_measure(
    champion: tuple[np.ndarray, np.ndarray],
    new: tuple[np.ndarray, np.ndarray],
    config: DriftConfig,
) -> DriftMeasure:
    """Return by how much the share of words grew that the champion does not know.

    Args:
        champion: Unknown words and all words of each review that the champion was tested on,
            since it learned its words on those that it was trained on.
        new: The same of the new training reviews.
        config: The bounds.
    """
    (before, error_before), (now, error_now) = (_ratio(*counts) for counts in (champion, new))
    figure, error = now - before, (error_before**2 + error_now**2) ** 0.5
    p_value = _upper(figure, error)
    statistic = "growth of the share"
    bound = config.largest_unknown_increase
    return _measure("unknown words", statistic, (before, now), figure, bound, p_value, config)


def balance_measure(champion: np.ndarray, new: np.ndarray, config: DriftConfig) -> DriftMeasure:
    """Return by how much the share of the label 1 changed.

    Args:
        champion: Labels, 0 or 1, shape (n,).
        new: Labels, shape (m,).
        config: The bounds.
    """
    before, now = float(champion.mean()), float(new.mean())
    both = (champion.sum() + new.sum()) / (len(champion) + len(new))
    error = float((both * (1 - both) * (1 / len(champion) + 1 / len(new))) ** 0.5)
    p_value = min(1.0, 2 * _upper(abs(now - before), error))
    bound, statistic = config.largest_balance_change, "change of a label's share"
    figure = abs(now - before)
    return _measure("label balance", statistic, (before, now), figure, bound, p_value, config)


def word_measure(index: float, p_value: float, config: DriftConfig) -> DriftMeasure:
    """Return the measure of the stability index of the words."""
    statistic, bound = "stability index of the words", config.largest_word_psi
    return _measure("words", statistic, None, index, bound, p_value, config)


def classifier_measure(test: TwoSampleTest, config: DriftConfig) -> DriftMeasure:
    """Return the measure of the classifier two-sample test."""
    statistic = "ROC AUC of telling both sets apart"
    bound = config.largest_auc
    return _measure("classifier", statistic, None, test.auc, bound, test.p_value, config)


def _measure(
    name: str,
    statistic: str,
    values: tuple[float, float] | None,
    figure: float,
    bound: float,
    p_value: float,
    config: DriftConfig,
) -> DriftMeasure:
    champion, new = values or (None, None)
    return DriftMeasure(
        name=name,
        statistic=statistic,
        champion=champion,
        new=new,
        figure=figure,
        bound=bound,
        p_value=p_value,
        drifted=figure > bound and p_value <= config.level,
    )


def _ratio(parts: np.ndarray, wholes: np.ndarray) -> tuple[float, float]:
    """Return the share of all parts in all wholes, and its standard error over the reviews.

    Source: W. G. Cochran, "Sampling Techniques", 3rd edition 1977, chapter 6: ratio estimates.
    """
    ratio = float(parts.sum() / wholes.sum())
    residuals = parts - ratio * wholes
    return ratio, float(residuals.std() / wholes.mean() / len(wholes) ** 0.5)


def _upper(figure: float, error: float) -> float:
    """Return the probability of a normal figure that is as large, around zero with this error."""
    if error == 0:
        return 1.0 if figure <= 0 else 0.0
    return 1 - NormalDist().cdf(figure / error)
