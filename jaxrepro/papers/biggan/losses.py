"""The hinge loss of BigGAN's two networks (section 3; SAGAN, equation 2)."""

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
