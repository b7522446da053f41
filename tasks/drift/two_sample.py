"""Whether a classifier can tell two sets of reviews apart that it has not seen."""

import numpy as np
import scipy.sparse as sp
from scipy.stats import mannwhitneyu
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

_MOST_ITERATIONS = 200


def two_sample_test(
    counts: sp.csr_matrix, is_second: np.ndarray, teaches: np.ndarray
) -> tuple[float, float]:
    """Return the area under the ROC curve of telling two sets apart, and its p-value.

    They are 0.5 and 1 where either part has no review of one of the sets. A logistic regression on
    TF-IDF weighted words learns from some reviews of both sets which set a review is from. Were the
    sets alike, its scores for the other reviews would order a review of each correctly in half of
    the cases, which Mann and Whitney's test judges.

    `counts` of words have the shape (n, words). `is_second` and `teaches`, bool of shape (n,), tell
    from which set a review is and whether the classifier learns from it. Equal texts must have
    equal values of `teaches`, else what it learned by heart from one set misleads it.

    Source: D. Lopez-Paz and M. Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017; with
    the area under the ROC curve in place of the accuracy, so that the sizes may differ.
    """
    judged = ~teaches
    parts = (is_second[teaches], is_second[judged])
    if any(part.all() or not part.any() for part in parts):
        return 0.5, 1.0
    weights = TfidfTransformer()
    model = LogisticRegression(max_iter=_MOST_ITERATIONS, class_weight="balanced")
    model.fit(weights.fit_transform(counts[teaches]), is_second[teaches])
    scores = model.decision_function(weights.transform(counts[judged]))
    second, first = scores[is_second[judged]], scores[~is_second[judged]]
    found = mannwhitneyu(second, first, alternative="greater", method="asymptotic")
    return float(found.statistic) / (len(first) * len(second)), float(found.pvalue)
