"""Maximum pooling by a factor between 1 and 2, over windows whose places are drawn at random.

B. Graham, "Fractional Max-Pooling" (arXiv 1412.6071), in the form of Torch and PyTorch: windows
of 2x2 pixels that may overlap, placed by one uniform number for each side of each map.
"""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np

_WINDOW = 2


def draw_samples(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Returns float32 [*shape, 2] uniform in [0, 1), for `fractional_max_pool`: width, height."""
    return jax.random.uniform(key, (*shape, 2))


def interval_starts(samples: jax.Array, size: int, new_size: int) -> jax.Array:
    """Returns int32 [*samples.shape, new_size]: the first row of each window of two.

    With u the sample and a = (size - 2) / (new_size - 1), window k starts at
    int((k + u) a) - int(u a), and the last at size - 2; computed in float32, as published. That is
    floor(k a) or the row after it: where rounding says another, the nearer of the two.
    """
    chex.assert_scalar_in(new_size, 1, size - 1)
    earliest = _earliest_starts(size, new_size)
    step = np.float32(size - _WINDOW) / np.float32(max(new_size - 1, 1))
    samples = samples.astype(jnp.float32)[..., None]
    places = (jnp.arange(new_size, dtype=jnp.float32) + samples) * step
    starts = places.astype(jnp.int32) - (samples * step).astype(jnp.int32)
    starts = jnp.clip(starts, earliest, earliest + 1)
    return starts.at[..., -1].set(size - _WINDOW)


def _earliest_starts(size: int, new_size: int) -> np.ndarray:
    """Returns int32 [new_size]: floor(k a), and size - 2 for the last."""
    starts = np.arange(new_size) * (size - _WINDOW) // max(new_size - 1, 1)
    starts[-1] = size - _WINDOW
    return starts.astype(np.int32)


def fractional_max_pool(x: jax.Array, samples: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Returns [B, *size, C]: the maximum of x [B, H, W, C] over windows of 2x2 pixels.

    samples: [B, C, 2] in [0, 1), or [1, C, 2] for the same windows in all examples; the first
    number places the windows along the width, the second along the height. size: smaller than
    (H, W) on both sides. The gradient goes to the first of equal values, row by row.
    """
    chex.assert_rank(x, 4)
    batch, _, _, channels = x.shape
    chex.assert_shape(samples, ({batch, 1}, channels, 2))
    for axis, new_size, sample in ((2, size[1], samples[..., 0]), (1, size[0], samples[..., 1])):
        x = _pool_side(x, sample, axis, new_size)
    return x


def _pool_side(x: jax.Array, samples: jax.Array, axis: int, new_size: int) -> jax.Array:
    """Returns x [B, H, W, C] with that side pooled to `new_size`; samples: [B or 1, C]."""
    starts = interval_starts(samples, x.shape[axis], new_size)
    shift = (starts - _earliest_starts(x.shape[axis], new_size)).astype(bool)
    # The windows' places vary along the pooled side, over examples and over channels.
    shift = jnp.expand_dims(jnp.swapaxes(shift, 1, 2), 3 - axis)
    return _pool_shifted(x, shift, axis)


def _candidates(x: jax.Array, axis: int, new_size: int) -> list[jax.Array]:
    """Returns, for each window, the three rows among which its two are: constant places.

    So no row is looked up by what was drawn: selecting is several times as fast as gathering,
    and its gradient as fast, where that of a gather adds element by element.
    """
    earliest = _earliest_starts(x.shape[axis], new_size)
    last = x.shape[axis] - 1
    return [jnp.take(x, np.minimum(earliest + i, last), axis=axis, mode="clip") for i in range(3)]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _pool_shifted(x: jax.Array, shift: jax.Array, axis: int) -> jax.Array:
    """Returns the maximum of each window; shift: where it starts one row after the earliest."""
    return _maximum_and_place(x, shift, axis)[0]


def _maximum_and_place(x: jax.Array, shift: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    """Returns (maxima, int8 rows 0, 1 or 2 after the earliest start at which they lie)."""
    rows = _candidates(x, axis, shift.shape[axis])
    first, second = (jnp.where(shift, rows[i + 1], rows[i]) for i in range(2))
    place = shift.astype(jnp.int8) + (second > first).astype(jnp.int8)
    return jnp.maximum(first, second), place


def _forward(x: jax.Array, shift: jax.Array, axis: int):
    y, place = _maximum_and_place(x, shift, axis)
    # An array of no numbers that knows how long the pooled side was.
    return y, (place, jnp.zeros((x.shape[axis], 0)))


def _backward(axis: int, residuals, cotangent: jax.Array):
    place, length = residuals
    size, new_size = length.shape[0], cotangent.shape[axis]
    earliest = _earliest_starts(size, new_size)
    to_x = 0
    for offset in range(3):
        # The earliest starts are distinct: a row is the maximum at that offset of one window.
        window = np.full(size + 3, -1)
        window[earliest + offset] = np.arange(new_size)
        window = window[:size]
        # -1 where no window has the row there: no maximum lies at that place.
        there = np.where(window < 0, -1, offset).astype(np.int8)
        there = np.expand_dims(there, [a for a in range(cotangent.ndim) if a != axis])
        found, value = (
            jnp.take(t, np.maximum(window, 0), axis=axis, mode="clip") for t in (place, cotangent)
        )
        to_x += jnp.where(found == there, value, 0)
    return to_x, None


_pool_shifted.defvjp(_forward, _backward)
