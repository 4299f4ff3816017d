"""Bilinear interpolation to any size, with the corner pixels on the corners."""

import functools

import chex
import jax
import numpy as np

from jaxrepro.nn.forms.row_mixing import Matrix, mix_rows


@functools.cache
def _interpolation(size: int, new_size: int) -> Matrix:
    """Returns [new_size, size]: what each new row takes from its two neighbours."""
    # Whole numbers and one division: rows that coincide with old ones take nothing else.
    numerators = np.arange(new_size) * (size - 1)
    denominator = max(new_size - 1, 1)
    before = numerators // denominator
    fractions = (numerators % denominator) / denominator
    matrix = np.zeros((new_size, size))
    rows = np.arange(new_size)
    matrix[rows, before] = 1 - fractions
    inside = fractions > 0
    matrix[rows[inside], before[inside] + 1] = fractions[inside]
    return tuple(map(tuple, matrix.tolist()))


def resize_bilinear_aligned(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Returns [B, *size, C]: x [B, H, W, C] interpolated linearly along both sides.

    The centres of the corner pixels coincide with those of the result (torch's
    align_corners=True): the step between new pixels is (H - 1) / (new H - 1) old ones. A side of
    one new pixel takes the first. For smaller sizes nothing is averaged first.
    """
    chex.assert_rank(x, 4)
    chex.assert_scalar_positive(min(size))
    for axis, new in ((2, size[1]), (1, size[0])):
        if x.shape[axis] != new:
            x = mix_rows(x, _interpolation(x.shape[axis], new), axis)
    return x
