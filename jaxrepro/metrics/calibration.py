"""How far the confidence of a classifier is from its accuracy."""

import numpy as np

from jaxrepro.core.errors import InputError


def calibration_error(confidences: np.ndarray, right: np.ndarray, num_bins: int = 15) -> float:
    """Returns the expected calibration error, in [0, 1].

    confidences: [N] in [0, 1], of the class that was chosen; right: bool [N], whether it was the
    true one. They are sorted into bins of equal width, (low, high]; the error is the mean over
    examples of the distance between a bin's accuracy and its mean confidence. Guo et al., "On
    Calibration of Modern Neural Networks" (ICML 2017), equation 3. Raises InputError for arrays
    that do not fit.
    """
    confidences, right = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    if confidences.ndim != 1 or confidences.shape != right.shape or not len(right):
        raise InputError(
            f"confidences {confidences.shape} and right {right.shape} given; both are [N], N > 0"
        )
    bins = np.clip(np.ceil(confidences * num_bins).astype(int) - 1, 0, num_bins - 1)
    gaps = np.bincount(bins, right - confidences, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(right))
