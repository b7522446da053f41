"""Set validation reviews apart: which training reviews choose the model and do not train it."""

import numpy as np

from tasks.common.sampling import stratified_sample
from tasks.config.training import ProtocolConfig


def validation_mask(
    labels: np.ndarray, protocol: ProtocolConfig, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return which training reviews are set apart, bool of shape (n,); none in `tutorial`.

    `labels` and the numbers of the `groups`, which are not split, have the shape (n,). A
    BadDataError says that one of the two parts would hold too few reviews of a class.
    """
    if protocol.protocol == "tutorial":
        return np.zeros(len(labels), bool)
    return stratified_sample(
        labels, protocol.validation_fraction, protocol.split_seed, "validation set", groups
    )
