"""The hinge loss of BigGAN's two networks (section 3; SAGAN, equation 2), and the R1 penalty."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp


def discriminator_loss(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns mean max(0, 1 - real) + mean max(0, 1 + fake), float32 [].

    real, fake: logits [B].
    """
    chex.assert_rank([real, fake], 1)
    return jnp.mean(jax.nn.relu(1 - real)) + jnp.mean(jax.nn.relu(1 + fake))


def generator_loss(fake: jax.Array) -> jax.Array:
    """Returns - mean fake, float32 []; fake: logits [B]."""
    chex.assert_rank(fake, 1)
    return -jnp.mean(fake)


def gradient_penalty(logit: Callable[[jax.Array], jax.Array], real: jax.Array) -> jax.Array:
    """Returns R1 without its factor gamma / 2: the mean of |d logit / d x|^2, float32 [].

    logit: images [B, H, W, C] -> logits [B], each a function of its own image; real: [B, H, W, C].
    (Mescheder et al., arXiv 1801.04406, equation 9; BigGAN, section 4.2.)
    """
    chex.assert_rank(real, 4)
    gradient = jax.grad(lambda images: jnp.sum(logit(images)))(real)
    return jnp.mean(jnp.sum(jnp.square(gradient), axis=(1, 2, 3)))
