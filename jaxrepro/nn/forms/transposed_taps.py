"""Transposed convolutions by two as one product for all taps, for maps of few pixels on CPU.

Every pixel is multiplied by the whole kernel as it lies, and the taps are added up where they fall.
That computes each tap once, and moves no kernel: `transposed_phases` fills kernels up to whole
windows and turns them at every call, which for the innermost maps of a U-Net, with more weights
than pixels, costs more than the convolution. For large maps the taps are too many to be kept.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms import transposed_phases
from jaxrepro.nn.forms.resampling import pixel_shuffle

# Pixels of the small map for each input channel, up to which this form is the faster one.
_FEW_PIXELS = 2


def transpose_convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns [B, 2H, 2W, O], as `convolution.transpose_convolve` of a square kernel."""
    _, height, width, channels = x.shape
    if height * width > _FEW_PIXELS * channels:
        return transposed_phases.transpose_convolve(x, kernel)
    return add_taps(x, kernel.astype(x.dtype))


def add_taps(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Returns `transpose_convolve(x, kernel)`, whatever the number of pixels."""
    batch, height, width, channels = x.shape
    side, _, outputs, _ = kernel.shape
    padding = (side - 2) // 2
    first, last = transposed_phases.window(side, 2, padding)
    taps = lax.dot_general(
        x.reshape(-1, channels),
        kernel.reshape(-1, channels),
        (((1,), (1,)), ((), ())),
        preferred_element_type=jnp.float32,
    )
    # The barrier keeps XLA from fusing the product with the sums, which computes it many times.
    taps = lax.optimization_barrier(taps).reshape(batch, height, width, side, side, outputs)
    taps = jnp.pad(taps, [(0, 0), (-first, last), (-first, last), (0, 0), (0, 0), (0, 0)])
    # Output pixel 2q + phase meets tap phase + padding - 2j of input pixel q + j.
    met = [
        [
            (j - first, tap)
            for j in range(first, last + 1)
            if 0 <= (tap := phase + padding - 2 * j) < side
        ]
        for phase in (0, 1)
    ]
    phases = [
        functools.reduce(
            jnp.add,
            [
                taps[:, i : i + height, j : j + width, row, column]
                for i, row in met[vertical]
                for j, column in met[horizontal]
            ],
        )
        for vertical in (0, 1)
        for horizontal in (0, 1)
    ]
    return pixel_shuffle(jnp.concatenate(phases, axis=-1), 2).astype(x.dtype)
