"""A convolution and a change of size by two as one operation on the smaller map.

All equal their definitions in `convolution` up to rounding; the two that take 3x3 kernels and
resize by themselves need 2.25 times fewer multiplications.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms import convolution
from jaxrepro.nn.forms.convolution import DIMENSION_NUMBERS


def _convolve(x: jax.Array, kernel: jax.Array, padding, stride: int = 1) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel.astype(x.dtype),
        (stride, stride),
        padding,
        dimension_numbers=DIMENSION_NUMBERS,
    )


def upsample_then_convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, 2H, 2W, O], as `convolution.upsample_then_convolve` of a kernel [3, 3, I, O].

    A window of three pixels of a doubled map covers two of the small one, the same two for all
    windows that start at an even pixel, and for all that start at an odd one. So each of the
    four parities of the output is a 2x2 convolution of the small map, with taps added up.
    """
    batch, height, width, _ = x.shape
    # Taps by parity of the output row: 0 sees one pixel before, 1 one pixel after.
    rows = (
        jnp.stack([kernel[0], kernel[1] + kernel[2]]),
        jnp.stack([kernel[0] + kernel[1], kernel[2]]),
    )
    phases = []
    for i, row in enumerate(rows):
        columns = (
            jnp.stack([row[:, 0], row[:, 1] + row[:, 2]], axis=1),
            jnp.stack([row[:, 0] + row[:, 1], row[:, 2]], axis=1),
        )
        outputs = [_convolve(x, taps, [(1 - i, i), (1 - j, j)]) for j, taps in enumerate(columns)]
        phases.append(jnp.stack(outputs, axis=3))
    return jnp.stack(phases, axis=2).reshape(batch, 2 * height, 2 * width, -1)


def convolve_then_pool(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H//2, W//2, O], as `convolution.convolve_then_pool` of a kernel [3, 3, I, O].

    The average of four neighbouring windows is one 4x4 window with the kernel's average.
    """
    for axis in (0, 1):
        before, after = [(0, 0)] * 4, [(0, 0)] * 4
        before[axis], after[axis] = (0, 1), (1, 0)
        kernel = (jnp.pad(kernel, before) + jnp.pad(kernel, after)) / 2
    return halving_convolution(x, kernel.astype(x.dtype))


@jax.custom_vjp
def halving_convolution(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H//2, W//2, O]: x [B, H, W, I] under kernel [4, 4, I, O], stride 2, padding 1.

    XLA's own gradient of it convolves maps with holes; here none has.
    """
    padding = [(1, 1 - size % 2) for size in x.shape[1:3]]
    return _convolve(x, kernel, padding, stride=2)


def _halving_by_depth(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `halving_convolution` as a 2x2 one: squares of 2x2 pixels become channels."""
    batch, height, width, channels = x.shape
    padding = [(1, 1 + size % 2) for size in (height, width)]
    x = jnp.pad(x, [(0, 0), *padding, (0, 0)])
    x = x.reshape(batch, x.shape[1] // 2, 2, x.shape[2] // 2, 2, channels)
    x = x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, x.shape[1], x.shape[3], 4 * channels)
    kernel = kernel.reshape(2, 2, 2, 2, channels, -1).transpose(0, 2, 1, 3, 4, 5)
    y = _convolve(x, kernel.reshape(2, 2, 4 * channels, -1), "VALID")
    return y[:, : height // 2, : width // 2]


def _halving_kernel_gradient(x: jax.Array, cotangent: jax.Array) -> jax.Array:
    """Returns [4, 4, I, O], from the four parities of x [B, H, W, I], H and W even.

    Each gives a quarter of the taps, as the convolution of the cotangent [B, H/2, W/2, O] by
    it, with examples for channels: of the two the cotangent has fewer numbers to rearrange.
    """
    quarters = []
    for i in (1, 0):
        for j in (1, 0):
            flipped = lax.conv_general_dilated(
                cotangent,
                x[:, i::2, j::2],
                (1, 1),
                [(1 - i, i), (1 - j, j)],
                dimension_numbers=("CHWN", "IHWO", "HWCN"),
            )
            quarters.append(flipped[::-1, ::-1])
    taps = jnp.stack(quarters).reshape(2, 2, 2, 2, x.shape[3], cotangent.shape[3])
    return taps.transpose(2, 0, 3, 1, 4, 5).reshape(4, 4, x.shape[3], cotangent.shape[3])


def _halving_forward(x: jax.Array, kernel: jax.Array):
    return halving_convolution(x, kernel), (x, kernel)


def _halving_backward(operands, cotangent: jax.Array):
    x, kernel = operands
    height, width = x.shape[1:3]
    # Rearranging pays while there are many more pixels than channels.
    many_pixels = cotangent.size >= 16 * x.shape[3] * cotangent.shape[3]
    if height % 2 or width % 2 or not many_pixels:
        return jax.vjp(_halving_by_depth, x, kernel)[1](cotangent)
    _, pullback = jax.vjp(lambda x: _halving_by_depth(x, kernel), x)
    return *pullback(cotangent), _halving_kernel_gradient(x, cotangent)


halving_convolution.defvjp(_halving_forward, _halving_backward)


@jax.custom_vjp
def convolve_and_halve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, H/2, W/2, O], as `convolution.convolve_and_halve` of a square kernel.

    XLA's own gradient of it convolves maps with holes, and the gradient of that, which a gradient
    penalty needs, takes five to ten times as long as this one's.
    """
    return convolution.convolve_and_halve(x, kernel)


def _same_halving_by_depth(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `convolve_and_halve` of a map of even sides with stride 1.

    Squares of 2x2 pixels become channels. The kernel is filled up with zeros to begin and end
    where such squares do.
    """
    batch, height, width, channels = x.shape
    side = kernel.shape[0]
    before = max(side - 2, 0) // 2
    front = before % 2
    taps = side + front + (side + front) % 2
    kernel = jnp.pad(kernel, [(front, taps - front - side)] * 2 + [(0, 0)] * 2)
    reach, first = taps // 2, (before + front) // 2
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    x = x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // 2, width // 2, 4 * channels)
    kernel = kernel.reshape(reach, 2, reach, 2, channels, -1).transpose(0, 2, 1, 3, 4, 5)
    kernel = kernel.reshape(reach, reach, 4 * channels, -1)
    return _convolve(x, kernel, [(first, reach - 1 - first)] * 2)


def _same_halving_forward(x: jax.Array, kernel: jax.Array):
    return convolve_and_halve(x, kernel), (x, kernel)


def _same_halving_backward(operands, cotangent: jax.Array):
    x, kernel = operands
    is_even = x.shape[1] % 2 == 0 and x.shape[2] % 2 == 0
    form = _same_halving_by_depth if is_even else convolution.convolve_and_halve
    return jax.vjp(form, x, kernel)[1](cotangent)


convolve_and_halve.defvjp(_same_halving_forward, _same_halving_backward)
