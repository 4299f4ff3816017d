"""Convolutions of NHWC maps with HWIO kernels, stride 1, zero padding that keeps the size."""

import jax
from jax import lax

from jaxrepro.nn import resampling


def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H, W, O]: x [B, H, W, I] convolved with kernel [h, w, I, O], h and w odd."""
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def upsample_then_convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, 2H, 2W, O]: x [B, H, W, I] doubled by nearest neighbour, then convolved."""
    return convolve(resampling.upsample_nearest(x), kernel)


def convolve_then_pool(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H//2, W//2, O]: x [B, H, W, I] convolved, then averaged over 2x2 windows."""
    return resampling.average_pool(convolve(x, kernel))
