"""Constant linear maps along one side of a map whose new rows each mix a few of the old ones.

Interpolation is one. Its gradient is the transposed map, which is again one: neither needs the
scattered additions that the gradient of an indexing operation is.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

# A map as numbers that jit may keep: the matrix's rows, which a hash is made of.
Matrix = tuple[tuple[float, ...], ...]


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def mix_rows(x: jax.Array, matrix: Matrix, axis: int) -> jax.Array:
    """Returns x with its side `axis`, of the length of the matrix's rows, multiplied by the matrix.

    The work is proportional to the most numbers that are not 0 in a row of the matrix.
    """
    return _apply(x, np.asarray(matrix), axis)


def _apply(x: jax.Array, matrix: np.ndarray, axis: int) -> jax.Array:
    places, weights = _taps(matrix)
    others = [a for a in range(x.ndim) if a != axis]
    terms = [
        jnp.take(x, place, axis=axis, mode="clip")
        * jnp.asarray(np.expand_dims(weight, others), x.dtype)
        for place, weight in zip(places, weights)
    ]
    return functools.reduce(jnp.add, terms)


def _taps(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns (places, weights) [T, rows]: for each row its numbers that are not 0, then zeros."""
    most = max(int((matrix != 0).sum(axis=1).max()), 1)
    places = np.argsort(matrix == 0, axis=1, kind="stable")[:, :most]
    return places.T.astype(np.int32), np.take_along_axis(matrix, places, axis=1).T


def _forward(x: jax.Array, matrix: Matrix, axis: int):
    return mix_rows(x, matrix, axis), None


def _backward(matrix: Matrix, axis: int, _, cotangent: jax.Array):
    return (_apply(cotangent, np.asarray(matrix).T, axis),)


mix_rows.defvjp(_forward, _backward)
