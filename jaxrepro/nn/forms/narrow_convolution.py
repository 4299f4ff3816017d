"""A convolution that is fast on CPU where the image side has one to four channels.

Equal to `convolution.convolve` up to rounding; only the order of the sums differs.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms import banded_gradient, convolution

# Up to here adding shifted maps costs less than a convolution with so few outputs.
_NARROW = 4


def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H, W, O], as `convolution.convolve` of x [B, H, W, I] and [h, w, I, O]."""
    kernel = kernel.astype(x.dtype)
    if kernel.shape[:2] == (1, 1):
        return convolution.convolve(x, kernel)
    if min(kernel.shape[2:]) > _NARROW:
        return banded_gradient.convolve(x, kernel)
    return _convolve_narrow(x, kernel)


@jax.custom_vjp
def _convolve_narrow(x: jax.Array, kernel: jax.Array) -> jax.Array:
    if kernel.shape[3] > _NARROW:
        return convolution.convolve(x, kernel)
    return add_shifted_taps(x, kernel, same_margins(kernel))


def same_margins(kernel: jax.Array) -> tuple[int, int]:
    """Returns the rows and columns of zeros on each side with which odd kernels keep the size."""
    return kernel.shape[0] // 2, kernel.shape[1] // 2


def add_shifted_taps(x: jax.Array, kernel: jax.Array, margins: tuple[int, int]) -> jax.Array:
    """Returns [B, H + 2m - h + 1, W + 2n - w + 1, O]: every tap at every pixel, then sums.

    x: [B, H, W, I]; kernel: [h, w, I, O]; margins: (m, n), the zeros around x on each side.
    """
    batch, height, width, channels = x.shape
    rows, columns, _, outputs = kernel.shape
    matrix = kernel.transpose(2, 0, 1, 3).reshape(channels, -1)
    # The barrier keeps XLA from fusing the product with the sums, which computes it many times.
    taps = lax.optimization_barrier(jnp.dot(x.reshape(-1, channels), matrix))
    taps = taps.reshape(batch, height, width, rows, columns, outputs)
    taps = jnp.pad(taps, [(0, 0), *((m, m) for m in margins), (0, 0), (0, 0), (0, 0)])
    height, width = height + 2 * margins[0] - rows + 1, width + 2 * margins[1] - columns + 1
    shifted = [
        taps[:, i : i + height, j : j + width, i, j] for i in range(rows) for j in range(columns)
    ]
    return functools.reduce(jnp.add, shifted)


def kernel_gradient(x: jax.Array, cotangent: jax.Array, sides: tuple[int, int]) -> jax.Array:
    """Returns [h, w, I, O]: the gradient of `convolution.convolve` by its kernel of those sides.

    x: [B, H, W, I]; cotangent: [B, H, W, O]. It is itself a convolution, of the map with fewer
    channels by the other one, with examples for channels.
    """
    padding = [(side // 2, side // 2) for side in sides]
    if x.shape[3] <= cotangent.shape[3]:
        return lax.conv_general_dilated(
            x, cotangent, (1, 1), padding, dimension_numbers=("CHWN", "IHWO", "HWNC")
        )
    flipped = lax.conv_general_dilated(
        cotangent, x, (1, 1), padding, dimension_numbers=("CHWN", "IHWO", "HWCN")
    )
    return flipped[::-1, ::-1]


def _forward(x: jax.Array, kernel: jax.Array):
    return _convolve_narrow(x, kernel), (x, kernel)


def _backward(operands, cotangent: jax.Array):
    x, kernel = operands
    adjoint = kernel[::-1, ::-1].swapaxes(2, 3)
    gradient = kernel_gradient(x, cotangent, kernel.shape[:2])
    return _convolve_narrow(cotangent, adjoint), gradient


_convolve_narrow.defvjp(_forward, _backward)
