"""A convolution whose kernel gradient is fast on CPU for few examples of large maps.

Equal to `convolution.convolve` up to rounding; only the order of the sums differs. The kernel
gradient is itself a convolution, with examples in the place of channels. XLA:CPU gathers its
operands in runs as long as there are channels, and is slow where there are few: so the images are
cut into bands of rows, which become examples of their own.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms import convolution

# So many examples keep the gathering out of the time; more bands than that only cost margins.
_ENOUGH_EXAMPLES = 8


@jax.custom_vjp
def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H, W, O], as `convolution.convolve` of x [B, H, W, I] and [h, w, I, O]."""
    return convolution.convolve(x, kernel)


def _forward(x: jax.Array, kernel: jax.Array):
    return convolve(x, kernel), (x, kernel)


def _backward(operands, cotangent: jax.Array):
    x, kernel = operands
    # Both are traced and each is separate work: XLA drops the one that nobody asks for.
    return _input_gradient(x, kernel, cotangent), kernel_gradient(x, kernel, cotangent)


convolve.defvjp(_forward, _backward)


def _input_gradient(x: jax.Array, kernel: jax.Array, cotangent: jax.Array) -> jax.Array:
    (gradient,) = jax.vjp(lambda x: convolution.convolve(x, kernel), x)[1](cotangent)
    return gradient


def kernel_gradient(x: jax.Array, kernel: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Returns [h, w, I, O], summed over bands as over examples."""
    number = _number_of_bands(*x.shape[:2])
    if number == 1:
        (gradient,) = jax.vjp(lambda kernel: convolution.convolve(x, kernel), kernel)[1](cotangent)
        return gradient
    rows, columns = (side // 2 for side in kernel.shape[:2])
    padded = jnp.pad(x, [(0, 0), (rows, rows), (columns, columns), (0, 0)])
    height = x.shape[1] // number
    starts = range(0, x.shape[1], height)
    gradient = lax.conv_general_dilated(
        # The bands of the map overlap by what the kernel reaches beyond its middle.
        jnp.concatenate([padded[:, i : i + height + 2 * rows] for i in starts]),
        jnp.concatenate([cotangent[:, i : i + height] for i in starts]),
        (1, 1),
        "VALID",
        dimension_numbers=("CHWN", "IHWO", "HWNC"),
    )
    return gradient.astype(kernel.dtype)


def _number_of_bands(batch: int, height: int) -> int:
    """Returns how many bands of equal height an image is cut into."""
    number = 1
    while batch * number < _ENOUGH_EXAMPLES and height % (2 * number) == 0:
        number *= 2
    return number
