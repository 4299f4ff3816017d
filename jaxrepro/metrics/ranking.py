"""How well scores tell two kinds of examples apart."""

import numpy as np
from scipy.stats import rankdata


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Returns the share of pairs in which the positive example has the higher score, in [0, 1].

    It is the area under the curve of true over false positives; equal scores count half. positive,
    negative: scores, [N] and [M]. NaN where one of them is empty.
    """
    num, others = len(positive), len(negative)
    if not num or not others:
        return float("nan")
    ranks = rankdata(np.concatenate([positive, negative]))[:num]
    return float((ranks.sum(dtype=np.float64) - num * (num + 1) / 2) / (num * others))
