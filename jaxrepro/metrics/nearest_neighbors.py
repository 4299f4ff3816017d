"""Distances between two sets of features in blocks, so that the whole table never exists."""

from collections.abc import Iterator

import numpy as np

from jaxrepro.core.errors import InputError

# 1024 rows against 50,000 columns in float64 are 400 MB.
BLOCK_ROWS = 1024


def squared_distances(
    rows: np.ndarray, columns: np.ndarray, block_rows: int = BLOCK_ROWS
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields (slice of rows, squared distances float64 [b, M]), b <= block_rows.

    rows: [N, D]; columns: [M, D]; both in float64 and near the origin, since sums of squares lose
    what they have in common (see `checked_sets`).
    """
    column_norms = np.square(columns).sum(axis=1)
    for start in range(0, len(rows), block_rows):
        part = slice(start, min(start + block_rows, len(rows)))
        block = np.square(rows[part]).sum(axis=1)[:, None] + column_norms
        block -= 2 * (rows[part] @ columns.T)
        yield part, np.maximum(block, 0, out=block)


def squared_radii(
    features: np.ndarray, num_neighbors: int, block_rows: int = BLOCK_ROWS
) -> np.ndarray:
    """Squared distance float64 [N] of every row to its k-th nearest other row.

    A row is never its own neighbour; an equal row is one, at distance 0.
    features: float64 [N, D], N > num_neighbors.
    """
    radii = np.empty(len(features))
    for part, block in squared_distances(features, features, block_rows):
        index = np.arange(part.start, part.stop)
        block[index - part.start, index] = np.inf
        radii[part] = np.partition(block, num_neighbors - 1, axis=1)[:, num_neighbors - 1]
    return radii


def checked_sets(
    real: np.ndarray, generated: np.ndarray, num_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both sets in float64 with the real mean subtracted, which changes no distance.

    Raises:
      InputError: for sets that are not [N, D] with one D, features that are not finite, or a set
        of no more than `num_neighbors` samples.
    """
    real, generated = np.asarray(real, np.float64), np.asarray(generated, np.float64)
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise InputError(
            f"features of shapes {real.shape} (real) and {generated.shape} (generated) given; they "
            "must be [N, D] and [M, D] from the same feature space"
        )
    if num_neighbors < 1 or num_neighbors >= min(len(real), len(generated)):
        raise InputError(
            f"{num_neighbors} neighbours in sets of {len(real)} real and {len(generated)} "
            "generated samples given; it must be 1 or more and below both numbers of samples"
        )
    if not (np.isfinite(real).all() and np.isfinite(generated).all()):
        raise InputError("features hold NaN or infinite values; has training diverged?")
    centre = real.mean(axis=0)
    return real - centre, generated - centre
