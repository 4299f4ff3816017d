"""Pixel normalisation: every pixel's vector of channels brought to unit mean square."""

import chex
import jax
import jax.numpy as jnp
from jax import lax


def pixel_norm(x: jax.Array, *, epsilon: float = 1e-8) -> jax.Array:
    """Returns float32 [B, H, W, C]: x / sqrt(mean over all channels of x^2 + epsilon).

    Karras et al., Progressive Growing of GANs, arXiv 1710.10196, section 4.2. No parameters.
    """
    chex.assert_rank(x, 4)
    x = x.astype(jnp.float32)
    return x * lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + epsilon)
