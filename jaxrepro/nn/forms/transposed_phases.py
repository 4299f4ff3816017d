"""Transposed convolutions by a whole stride as convolutions of the small map.

The output pixels that lie at the same place between input pixels (of the same phase) all see the
same taps of the kernel, so each phase is a small convolution, and the phases laid side by side are
the output: nothing is multiplied by the zeros that a transposed convolution inserts.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms.convolution import DIMENSION_NUMBERS
from jaxrepro.nn.forms.resampling import pixel_shuffle


def transpose_convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, 2H, 2W, O], as `convolution.transpose_convolve` of a square kernel."""
    padding = (kernel.shape[0] - 2) // 2
    first, last = window(kernel.shape[0], 2, padding)
    y = lax.conv_general_dilated(
        x,
        phase_kernels(kernel.astype(x.dtype).swapaxes(2, 3), 2, padding),
        (1, 1),
        [(-first, last)] * 2,
        dimension_numbers=DIMENSION_NUMBERS,
    )
    return pixel_shuffle(y, 2)


def window(side: int, stride: int, padding: int) -> tuple[int, int]:
    """Returns (first, last): output pixels stride q, ..., stride q + stride - 1 see q + first to
    q + last.
    """
    return -((side - 1 - padding) // stride), (stride - 1 + padding) // stride


def reach(side: int, stride: int, padding: int) -> int:
    """Returns how far the output pixels of q see from it, on the worse side, in input pixels."""
    first, last = window(side, stride, padding)
    return max(-first, last)


def phase_kernels(kernel: jax.Array, stride: int, padding: int) -> jax.Array:
    """Returns the kernels of all phases, [T, T, I, stride stride O], to be followed by
    `pixel_shuffle`.

    kernel: [side, side, I, O]. T is the length of `window`; taps that a phase lacks are zero.
    """
    side = kernel.shape[0]
    first, last = window(side, stride, padding)
    num = last - first + 1
    # Phase p and input q + j meet tap p + padding - stride j: with j falling, one run of taps.
    before = stride * last - padding
    edges = (before, num * stride - side - before)
    taps = jnp.pad(kernel, (edges, edges, (0, 0), (0, 0)))
    taps = taps.reshape(num, stride, num, stride, *kernel.shape[2:])[::-1, :, ::-1]
    return taps.transpose(0, 2, 4, 1, 3, 5).reshape(num, num, kernel.shape[2], -1)
