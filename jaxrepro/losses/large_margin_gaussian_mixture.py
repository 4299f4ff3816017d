"""The large-margin Gaussian mixture loss: classes are Gaussians in the space of features.

W. Wan, Y. Zhong, T. Li, J. Chen, "Rethinking Feature Distribution for Loss Functions in Image
Classification", CVPR 2018 (arXiv 1803.02988), and the same group's later code, GM-Loss.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxrepro.core.errors import InputError

LIKELIHOODS = ("half", "class", "all", "backward")
# Means of more numbers than this are not subtracted from every example.
_MOST_DIFFERENCES = 10**6


class MixtureLoss(NamedTuple):
    """Three numbers, []: what is minimised, its cross entropy, and its likelihood times weight."""

    total: jax.Array
    classification: jax.Array
    likelihood: jax.Array


def squared_distances(
    features: jax.Array, means: jax.Array, variances: jax.Array | None = None
) -> jax.Array:
    """Returns (x - mu_k)^T Lambda_k^-1 (x - mu_k) of every example and class, [B, K], at least 0.

    features: [B, D]; means: [K, D]; variances: above 0, [K] for one a class, [K, D] for diagonals,
    None for 1. In float32, or float64 where features have it.
    """
    x, mu = (jnp.asarray(a) for a in (features, means))
    dtype = jnp.promote_types(jnp.result_type(x, mu), jnp.float32)
    x, mu = x.astype(dtype), mu.astype(dtype)
    scale = None if variances is None else 1 / jnp.asarray(variances, dtype)
    if mu.size <= _MOST_DIFFERENCES:
        squares = jnp.square(x[:, None] - mu)
        if scale is not None and scale.ndim == 2:
            squares = squares * scale
        squared = squares.sum(axis=-1)
    else:
        # Cancels where norms are large beside distances, but needs no [B, K, D].
        weights = jnp.ones_like(mu) if scale is None or scale.ndim == 1 else scale
        product = lambda a, b: jnp.matmul(a, b.T, precision="highest")  # noqa: E731
        squared = product(x * x, weights) - 2 * product(x, mu * weights)
        squared = jnp.maximum(squared + (mu * mu * weights).sum(axis=-1), 0)
    return squared * scale if scale is not None and scale.ndim == 1 else squared


def log_likelihood(squared: jax.Array, log_determinants: jax.Array | None = None) -> jax.Array:
    """Returns the logarithm of each class's density up to a constant, [B, K]: the logits of a test.

    squared: of `squared_distances`; log_determinants: log |Lambda_k|, [K], 0 by default. The
    maximum over classes says how typical an example is.
    """
    return -squared / 2 if log_determinants is None else -(squared + log_determinants) / 2


def margin_logits(
    squared: jax.Array,
    labels: jax.Array,
    alpha: jax.Array | float,
    log_determinants: jax.Array | None = None,
) -> jax.Array:
    """Returns `log_likelihood` with the distance to the own class 1 + alpha times as long, [B, K].

    labels: int [B]; alpha: the margin, 0 or more.
    """
    own = jax.nn.one_hot(labels, squared.shape[1], dtype=squared.dtype)
    return log_likelihood(squared * (1 + alpha * own), log_determinants)


def large_margin_gaussian_mixture(
    squared: jax.Array,
    labels: jax.Array,
    *,
    alpha: jax.Array | float,
    weight: jax.Array | float,
    likelihood: str = "half",
    log_determinants: jax.Array | None = None,
    unscaled: jax.Array | None = None,
) -> MixtureLoss:
    """Returns the cross entropy of `margin_logits` plus `weight` times a likelihood, batch means.

    likelihood, s being `squared` and z the own class: "half", (s_z + log-det_z) / 2, the paper;
    "class", s_z, its authors' later code; "all", the mean of s over all classes, that code's MNIST
    script; "backward", half of `unscaled`'s s_z in the gradient alone, not in `total`: the first
    code, in which variances learn from the cross entropy only. unscaled: distances [B, K] without
    variances, for "backward"; `squared` by default. Raises InputError for another likelihood.
    """
    logits = margin_logits(squared, labels, alpha, log_determinants)
    classification = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    def own(values: jax.Array) -> jax.Array:
        return jnp.take_along_axis(values, labels[:, None], axis=1)

    if likelihood == "half":
        value = -own(log_likelihood(squared, log_determinants)).mean()
    elif likelihood == "class":
        value = own(squared).mean()
    elif likelihood == "all":
        value = squared.mean()
    elif likelihood == "backward":
        value = own(squared if unscaled is None else unscaled).mean() / 2
    else:
        raise InputError(f"likelihood {likelihood!r} given; allowed: {', '.join(LIKELIHOODS)}")
    value = weight * value
    added = value - jax.lax.stop_gradient(value) if likelihood == "backward" else value
    return MixtureLoss(classification + added, classification, value)


def ramped(
    step: jax.Array | int, ramp_steps: int, *, alpha: float, weight: float
) -> tuple[jax.Array, jax.Array]:
    """Returns (alpha, weight) at an update: from a tenth and a hundredth to all at `ramp_steps`.

    They rise along a line and stay; with ramp_steps=0 all is there at once. The later code does so
    by epochs; at full strength from the first training may fail.
    """
    share = jnp.minimum(1.0, jnp.asarray(step, jnp.float32) / ramp_steps) if ramp_steps else 1.0
    return jnp.asarray(alpha * (0.1 + 0.9 * share)), jnp.asarray(weight * (0.01 + 0.99 * share))
