"""Adversarial losses over maps of scores, one score a patch.

Means over all scores of a batch. Scores may have any shape [B, ...] and float type; results are
float32 scalars. "Real" are scores of true images, "fake" those of generated ones.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp


def generator_loss(fake: jax.Array) -> jax.Array:
    """Returns -E[D(fake)], which goes with each loss of the discriminator here."""
    return -_mean(fake)


def linear_discriminator_loss(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns E[1 - D(real)] + E[1 + D(fake)], Wasserstein's loss and the constant 2.

    It has no lower bound: the scores are to be held by a gradient penalty, spectral norms or a
    drift term. (SC-FEGAN, Jo and Park, ICCV 2019.)
    """
    return _mean(1 - _float(real)) + _mean(1 + _float(fake))


def hinge_discriminator_loss(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns half of E[relu(1 - D(real))] + E[relu(1 + D(fake))].

    (SN-PatchGAN, Yu et al., ICCV 2019, as in the authors' code, which has the half.)
    """
    return 0.5 * (_mean(jax.nn.relu(1 - _float(real))) + _mean(jax.nn.relu(1 + _float(fake))))


DISCRIMINATOR_LOSSES: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "linear": linear_discriminator_loss,
    "hinge": hinge_discriminator_loss,
}


def mean_of_square(real: jax.Array) -> jax.Array:
    """Returns E[D(real)^2], which keeps scores from drifting (Karras et al., ICLR 2018)."""
    return _mean(jnp.square(_float(real)))


def square_of_mean(real: jax.Array) -> jax.Array:
    """Returns E[D(real)]^2, which holds only the common level of the scores."""
    return jnp.square(_mean(real))


DRIFT_FORMS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "mean_of_square": mean_of_square,
    "square_of_mean": square_of_mean,
}


def _float(scores: jax.Array) -> jax.Array:
    return scores.astype(jnp.float32)


def _mean(scores: jax.Array) -> jax.Array:
    return jnp.mean(scores, dtype=jnp.float32)
