"""The largest singular values of many matrices at once, inside jit.

Block power iteration with Rayleigh-Ritz: a few more vectors than are asked for, multiplied by the
matrix and its transpose and orthonormalised in turn. Its values never exceed the true ones, and
those of matrices with no more columns or rows than the block are exact.
"""

import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp

_EXACT = jax.lax.Precision.HIGHEST
# Vectors iterated beyond those asked for: the error falls with the ratio of the singular value
# after the block to the one wanted.
_OVERSAMPLING = 6
_JACOBI_SWEEPS = 8
_TINY = 1e-30


class SingularTriplets(NamedTuple):
    """left [K, N], values [K] in descending order, right [K, M]: A ~ sum values left right^T."""

    left: jax.Array
    values: jax.Array
    right: jax.Array


def top_singular_triplets(
    matrix: jax.Array, num: int, *, num_iterations: int = 12
) -> SingularTriplets:
    """Returns the `num` largest singular values of matrix [N, M] with their vectors.

    num: capped at min(N, M). The start of the iteration is fixed: the result is a function of
    the matrix alone.
    """
    chex.assert_rank(matrix, 2)
    rows, columns = matrix.shape
    if columns > rows:
        flipped = top_singular_triplets(matrix.T, num, num_iterations=num_iterations)
        return SingularTriplets(flipped.right, flipped.values, flipped.left)
    matrix = matrix.astype(jnp.float32)
    multiply = functools.partial(jnp.matmul, precision=_EXACT)
    block = min(num + _OVERSAMPLING, columns)

    def iterate(_: int, basis: jax.Array) -> jax.Array:
        # The intermediate orthonormalisation keeps small singular directions above rounding.
        return _orthonormal(multiply(matrix.T, _orthonormal(multiply(matrix, basis))))

    start = _orthonormal(jax.random.normal(jax.random.key(0), (columns, block)))
    basis = jax.lax.fori_loop(0, num_iterations, iterate, start)
    image = multiply(matrix, basis)
    orthonormal = _orthonormal(image)
    left, values, right = _small_decomposition(multiply(orthonormal.T, image))
    num = min(num, columns)
    return SingularTriplets(
        multiply(orthonormal, left[:, :num]).T, values[:num], multiply(basis, right[:, :num]).T
    )


# Here and below: compiled functions are traced once for all matrices that give one shape.
@jax.jit
def _orthonormal(vectors: jax.Array) -> jax.Array:
    """Returns orthonormal columns that span those of vectors [N, B], by Gram-Schmidt, twice.

    LAPACK's functions, `jnp.linalg.qr` among them, are not used in this file: on CPU a program
    with many of them at once was seen to wait for itself for ever.
    """

    def add_column(index: int, basis: jax.Array) -> jax.Array:
        # The columns of `basis` from `index` on are zero still.
        vector = vectors[:, index]
        for _ in range(2):
            parts = jnp.matmul(vector, basis, precision=_EXACT)
            vector = vector - jnp.matmul(basis, parts, precision=_EXACT)
            vector = vector / jnp.maximum(jnp.linalg.norm(vector), _TINY)
        return basis.at[:, index].set(vector)

    return jax.lax.fori_loop(0, vectors.shape[1], add_column, jnp.zeros_like(vectors))


@jax.jit
def _small_decomposition(matrix: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns (left [B, B], values [B] in descending order, right [B, B]) of matrix [B, B].

    One-sided Jacobi: pairs of columns are rotated until all are orthogonal (Hestenes 1958).
    """
    size = matrix.shape[0]
    pairs = jnp.asarray([(p, q) for p in range(size) for q in range(p + 1, size)] or [(0, 0)])

    def rotate(i: int, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        rotated, right = state
        p, q = pairs[i % len(pairs)]
        x, y = rotated[:, p], rotated[:, q]
        angle = 0.5 * jnp.arctan2(2 * jnp.dot(x, y), jnp.dot(x, x) - jnp.dot(y, y))
        cosine, sine = jnp.cos(angle), jnp.sin(angle)

        def turn(m: jax.Array) -> jax.Array:
            first, second = m[:, p], m[:, q]
            m = m.at[:, p].set(cosine * first + sine * second)
            return m.at[:, q].set(cosine * second - sine * first)

        return turn(rotated), turn(right)

    num_rotations = _JACOBI_SWEEPS * len(pairs) if size > 1 else 0
    rotated, right = jax.lax.fori_loop(0, num_rotations, rotate, (matrix, jnp.eye(size)))
    values = jnp.linalg.norm(rotated, axis=0)
    order = jnp.argsort(-values)
    rotated, values, right = rotated[:, order], values[order], right[:, order]
    return rotated / jnp.maximum(values, _TINY), values, right


def weight_matrix(name: str, weight: jax.Array) -> jax.Array:
    """Returns a weight as the matrix that it is in the layer: a table as it is, else [rest, out].

    name: its path; tables of vectors are named "embedding".
    """
    return weight if name.endswith("embedding") else weight.reshape(-1, weight.shape[-1])


def spectra(weights: Mapping[str, jax.Array], num: int = 3) -> dict[str, jax.Array]:
    """Returns {"path/0": the largest singular value [], "path/1": the next, ...} of each weight.

    weights: by path, of rank 2 or more. num: values of each, capped at the matrix's smaller side.
    Matrices of one shape are treated as one batch.
    """
    groups: dict[tuple[int, int], list[str]] = {}
    matrices = {name: weight_matrix(name, weight) for name, weight in weights.items()}
    for name, matrix in matrices.items():
        rows, columns = matrix.shape
        groups.setdefault((rows, columns), []).append(name)
    values = {}
    for names in groups.values():
        stacked = jnp.stack([matrices[name] for name in names])
        triplets = jax.vmap(lambda m: top_singular_triplets(m, num).values)(stacked)
        for name, row in zip(names, triplets, strict=True):
            values |= {f"{name}/{i}": value for i, value in enumerate(row)}
    return {name: values[name] for name in sorted(values, key=_natural)}


def clamp_singular_value(
    matrix: jax.Array, *, limit: float = 0.0, ratio: float = 0.0, num_iterations: int = 4
) -> jax.Array:
    """Returns W - max(0, s_0 - s_clamp) u_0 v_0^T: W with its largest singular value clamped.

    s_clamp is `limit`, or `ratio` times the second singular value; one of the two is 0. (BigGAN,
    section 4.1.) A matrix of one row or column has no second value and is left as it is by
    `ratio`.
    """
    left, values, right = top_singular_triplets(matrix, 2, num_iterations=num_iterations)
    if ratio and len(values) < 2:
        return matrix
    bound = ratio * values[1] if ratio else limit
    excess = jnp.maximum(values[0] - bound, 0.0)
    return (matrix - excess * jnp.outer(left[0], right[0])).astype(matrix.dtype)


def clamp_weights(params: Any, exclude: str = "", *, limit: float = 0.0, ratio: float = 0.0) -> Any:
    """Returns `params` with every weight of rank 2 or more clamped by `clamp_singular_value`.

    exclude: a pattern of paths left as they are, "" for none.
    """

    def one(path: Any, weight: jax.Array) -> jax.Array:
        name = jax.tree_util.keystr(tuple(path), simple=True, separator="/")
        if weight.ndim < 2 or (exclude and re.search(exclude, name)):
            return weight
        matrix = weight_matrix(name, weight)
        return clamp_singular_value(matrix, limit=limit, ratio=ratio).reshape(weight.shape)

    return jax.tree_util.tree_map_with_path(one, params)


def _natural(name: str) -> list[Any]:
    """Returns a key that sorts "conv_2" before "conv_10"."""
    return [int(word) if word.isdecimal() else word for word in re.split(r"(\d+)", name)]
