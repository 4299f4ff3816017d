"""Total variation of images inside a region, which punishes noise and seams."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.core.errors import InputError

# What of an image counts: its hole, the hole and the pixels that touch it, or all of it. Only
# "dilated1" (Liu et al., ECCV 2018) sees the seam between the hole and its surroundings.
REGIONS = ("strict", "dilated1", "whole")


def total_variation(image: jax.Array, hole: jax.Array, region: str = "dilated1") -> jax.Array:
    """Returns of each image the sum of |differences| of neighbours in the region / N, float32 [B].

    Neighbours are side by side or one above the other, and count where both are in the region.
    image: [B, H, W, C]. hole: [B, H, W, 1] of 0 and 1. N is H W C, of the whole image. region: one
    of `REGIONS`; "dilated1" has also the eight neighbours of each erased pixel.

    Raises:
      InputError: the region is none of these.
    """
    inside = _region(hole, region)
    image = image.astype(jnp.float32)
    across = jnp.abs(jnp.diff(image, axis=2)) * inside[:, :, 1:] * inside[:, :, :-1]
    down = jnp.abs(jnp.diff(image, axis=1)) * inside[:, 1:] * inside[:, :-1]
    size = image.shape[1] * image.shape[2] * image.shape[3]
    return (across.sum(axis=(1, 2, 3)) + down.sum(axis=(1, 2, 3))) / size


def _region(hole: jax.Array, region: str) -> jax.Array:
    if region not in REGIONS:
        raise InputError(f"region {region!r} given; allowed: {', '.join(REGIONS)}")
    hole = hole.astype(jnp.float32)
    if region == "whole":
        return jnp.ones_like(hole)
    if region == "strict":
        return hole
    return lax.reduce_window(hole, 0.0, lax.max, (1, 3, 3, 1), (1, 1, 1, 1), "SAME")
