"""Convolutions of NHWC maps with HWIO kernels, zero padding that keeps the size, or none.

All have stride 1 but `convolve_and_halve` and `transpose_convolve`, whose kernel has outputs before
inputs.

These are the definitions; `phase_convolution` has faster forms of those that change the size.
A kernel may be wider (float32) than the map it is used on.
"""

from collections.abc import Callable

import jax
from jax import lax

from jaxrepro.nn.forms import resampling

DIMENSION_NUMBERS = ("NHWC", "HWIO", "NHWC")


def convolve(x: jax.Array, kernel: jax.Array, dilation: int = 1) -> jax.Array:
    """Returns [B, H, W, O]: x [B, H, W, I] convolved with kernel [h, w, I, O], h and w odd.

    dilation: the distance in pixels between neighbouring taps of the kernel.
    """
    return lax.conv_general_dilated(
        x,
        kernel.astype(x.dtype),
        (1, 1),
        "SAME",
        rhs_dilation=(dilation, dilation),
        dimension_numbers=DIMENSION_NUMBERS,
    )


def convolve_valid(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H - h + 1, W - w + 1, O]: x [B, H, W, I] convolved with kernel [h, w, I, O].

    Only where the kernel lies wholly on the map: no padding. h and w may be odd or even.
    """
    return lax.conv_general_dilated(
        x, kernel.astype(x.dtype), (1, 1), "VALID", dimension_numbers=DIMENSION_NUMBERS
    )


def upsample_then_convolve(
    x: jax.Array,
    kernel: jax.Array,
    dilation: int = 1,
    upsample: Callable[[jax.Array], jax.Array] = resampling.upsample_nearest,
) -> jax.Array:
    """Returns [B, 2H, 2W, O]: x [B, H, W, I] doubled by `upsample`, then convolved."""
    return convolve(upsample(x), kernel, dilation)


def convolve_then_pool(x: jax.Array, kernel: jax.Array, dilation: int = 1) -> jax.Array:
    """Returns [B, H//2, W//2, O]: x [B, H, W, I] convolved, then averaged over 2x2 windows."""
    return resampling.average_pool(convolve(x, kernel, dilation))


def convolve_and_halve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, ceil(H/2), ceil(W/2), O]: x convolved with stride 2, TensorFlow's SAME padding.

    kernel: [h, w, I, O]. Where sides and padding are uneven there is one more zero at the end.
    """
    return lax.conv_general_dilated(
        x, kernel.astype(x.dtype), (2, 2), "SAME", dimension_numbers=DIMENSION_NUMBERS
    )


def transpose_convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, 2H, 2W, O]: the transposed convolution of x [B, H, W, I], stride 2, SAME.

    kernel: [h, w, O, I], h and w at least 2: the map whose gradient with respect to its input this
    is goes from 2H x 2W to H x W. So does `tf.nn.conv2d_transpose`.
    """
    return lax.conv_transpose(
        x,
        kernel.astype(x.dtype),
        (2, 2),
        "SAME",
        dimension_numbers=DIMENSION_NUMBERS,
        transpose_kernel=True,
    )
