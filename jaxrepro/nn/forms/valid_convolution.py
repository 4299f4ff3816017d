"""A convolution without padding that is fast on CPU, each of its gradients in its own form.

Equal to `convolution.convolve_valid` up to rounding; only the order of the sums differs. The forms
and their limits are those that were fastest for the layers of super-resolution networks (a wide
map from few channels, a 1x1 mapping, few channels from a wide map) and for the hourglass's 1x1.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms import convolution, narrow_convolution

# Up to so many products of a pixel, adding shifted maps costs less than a convolution.
_MOST_TAPS = 128
# From so many channels on both sides the product packs its operands as fast as they are turned.
_WIDE = 64
_NO_MARGINS = (0, 0)


def convolve_valid(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H - h + 1, W - w + 1, O], as `convolution.convolve_valid`."""
    return _convolve(x, kernel.astype(x.dtype))


@jax.custom_vjp
def _convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    if kernel.shape[:2] == (1, 1):
        return jnp.dot(x, kernel[0, 0])
    if _ends_narrow(kernel):
        return narrow_convolution.add_shifted_taps(x, kernel, _NO_MARGINS)
    return convolution.convolve_valid(x, kernel)


def _ends_narrow(kernel: jax.Array) -> bool:
    rows, columns, inputs, outputs = kernel.shape
    return outputs <= inputs and rows * columns * outputs <= _MOST_TAPS


def _forward(x: jax.Array, kernel: jax.Array):
    return _convolve(x, kernel), (x, kernel)


def _backward(operands, cotangent: jax.Array):
    x, kernel = operands
    # Both are traced and each is separate work: XLA drops the one that nobody asks for.
    return _input_gradient(cotangent, kernel), _kernel_gradient(x, cotangent, kernel)


_convolve.defvjp(_forward, _backward)


def _input_gradient(cotangent: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H, W, I]: the convolution of the flipped kernel with the padded cotangent."""
    rows, columns, inputs, outputs = kernel.shape
    adjoint = kernel[::-1, ::-1].swapaxes(2, 3)
    margins = rows - 1, columns - 1
    if margins == _NO_MARGINS:
        return jnp.dot(cotangent, adjoint[0, 0])
    if outputs == 1 and _ends_narrow(kernel):
        shifted = _shifted_maps(cotangent, margins)
        product = jnp.tensordot(shifted, adjoint.reshape(-1, inputs), (0, 0))
        batch, height, width, _ = cotangent.shape
        return product.reshape(batch, height + margins[0], width + margins[1], inputs)
    if _ends_narrow(adjoint):
        return narrow_convolution.add_shifted_taps(cotangent, adjoint, margins)
    return lax.conv_general_dilated(
        cotangent,
        adjoint,
        (1, 1),
        [(m, m) for m in margins],
        dimension_numbers=convolution.DIMENSION_NUMBERS,
    )


def _kernel_gradient(x: jax.Array, cotangent: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [h, w, I, O]."""
    rows, columns, inputs, outputs = kernel.shape
    if (rows, columns) == (1, 1):
        return _matrix_gradient(x.reshape(-1, inputs), cotangent.reshape(-1, outputs))[None, None]
    if _ends_narrow(kernel):
        shifted = _shifted_maps(cotangent, (rows - 1, columns - 1))
        product = jnp.dot(shifted, x.reshape(-1, inputs)).reshape(rows, columns, outputs, inputs)
        return product[::-1, ::-1].swapaxes(2, 3)
    (gradient,) = jax.vjp(lambda kernel: convolution.convolve_valid(x, kernel), kernel)[1](
        cotangent
    )
    return gradient


def _shifted_maps(x: jax.Array, margins: tuple[int, int]) -> jax.Array:
    """Returns [(m + 1) (n + 1) C, B (H + m) (W + n)]: x [B, H, W, C] in every place on its margins.

    margins: (m, n), the zeros around x on each side.
    """
    vertical, horizontal = margins
    height, width = x.shape[1:3]
    padded = jnp.pad(x, [(0, 0), *((m, m) for m in margins), (0, 0)]).transpose(3, 0, 1, 2)
    shifted = [
        padded[:, :, i : i + height + vertical, j : j + width + horizontal]
        for i in range(vertical + 1)
        for j in range(horizontal + 1)
    ]
    # The barrier makes it one array: XLA would compute it again inside each product.
    return lax.optimization_barrier(jnp.stack(shifted).reshape(-1, shifted[0][0].size))


def _matrix_gradient(x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Returns x^T cotangent, [I, O], of x [N, I] and the cotangent [N, O]."""
    if min(x.shape[1], cotangent.shape[1]) >= _WIDE:
        return lax.dot_general(x, cotangent, (((0,), (0,)), ((), ())))
    if x.shape[1] > cotangent.shape[1]:
        return _matrix_gradient(cotangent, x).T
    # The barrier keeps XLA from folding the transposition into the product, which is then slower.
    return jnp.dot(lax.optimization_barrier(x.T), cotangent)
