"""Absolute differences of pixels, in which those of an erased region count more."""

import jax
import jax.numpy as jnp


def hole_weighted_error(
    generated: jax.Array, truth: jax.Array, hole: jax.Array, hole_weight: float
) -> jax.Array:
    """Returns of each image (|(1 - m)(x - y)| + hole_weight |m (x - y)|) / N, float32 [B].

    generated x, truth y: [B, H, W, C]. hole m: [B, H, W, 1] of 0 and 1, 1 where pixels are erased.
    N is H W C, of the whole image and not of the hole. (The per-pixel loss of SC-FEGAN, Jo and
    Park, ICCV 2019, where the weight is called alpha.)
    """
    difference = jnp.abs(generated.astype(jnp.float32) - truth)
    weight = 1 + (hole_weight - 1) * hole.astype(jnp.float32)
    return (weight * difference).mean(axis=(1, 2, 3))
