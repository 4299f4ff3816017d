"""Inception Score (Salimans et al. 2016): exp of the mean KL(p(y|x) || p(y)), in float64."""

from typing import NamedTuple

import numpy as np

from jaxrepro.core.errors import InputError


class InceptionScore(NamedTuple):
    """Mean and standard deviation over splits (ddof 0, as published); 1 is the worst mean."""

    mean: float
    std: float


def inception_score(logits: np.ndarray, num_splits: int = 10) -> InceptionScore:
    """Mean and standard deviation of the score over consecutive splits of the samples.

    The splits keep the given order, so samples sorted by class would give each split few classes:
    give them in random order. Where N is not a multiple of `num_splits`, every sample is still
    used: the first N mod num_splits splits have one sample more than the others.

    Args:
      logits: [N, K] class scores before the softmax, N >= num_splits.
      num_splits: 10 in published numbers. The score grows with the size of a split.

    Returns NaN if a logit is not finite.

    Raises:
      InputError: for another shape, or fewer samples than splits.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2:
        raise InputError(f"logits of shape {logits.shape} given; they must be [N, K]")
    if not 1 <= num_splits <= len(logits):
        raise InputError(
            f"{num_splits} splits of {len(logits)} samples given; splits must be 1 or more and "
            "samples at least as many: add samples or lower the number of splits"
        )
    if not np.isfinite(logits).all():
        return InceptionScore(float("nan"), float("nan"))
    scores = [_score(part) for part in np.array_split(logits, num_splits)]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def _score(logits: np.ndarray) -> float:
    # Slow to import, and few commands come here.
    from scipy.special import log_softmax, logsumexp

    log_given = log_softmax(logits, axis=1)
    log_marginal = logsumexp(log_given, axis=0) - np.log(len(logits))
    return np.exp((np.exp(log_given) * (log_given - log_marginal)).sum(axis=1).mean())
