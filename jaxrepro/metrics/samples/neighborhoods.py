"""Where samples lie among the neighbours of real ones, in float64.

Improved precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).
Distances are taken in blocks, so that the whole table never exists.
"""

from collections.abc import Iterator
from typing import NamedTuple

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


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1]: of generated samples that look real, of real ones that are generated."""

    precision: float
    recall: float


def precision_recall(
    real: np.ndarray,
    generated: np.ndarray,
    num_neighbors: int = 3,
    block_rows: int = BLOCK_ROWS,
) -> PrecisionRecall:
    """Precision and recall of `generated` [M, D] against `real` [N, D].

    A set is taken to cover the closed balls around its points, each as far as its k-th nearest
    other point of the set. Precision is the share of generated points in a real ball, recall the
    share of real points in a generated ball. Both depend on N and M: compare at equal numbers, in
    the paper 50,000 each, and in one feature space, in the paper VGG-16.

    Args:
      num_neighbors: k, 3 in the paper.
      block_rows: rows of the table of distances held at once; the result does not depend on it.

    Raises:
      InputError: as `nearest_neighbors.checked_sets`.
    """
    real, generated = checked_sets(real, generated, num_neighbors)
    real_radii = squared_radii(real, num_neighbors, block_rows)
    generated_radii = squared_radii(generated, num_neighbors, block_rows)
    looks_real = np.zeros(len(generated), bool)
    is_generated = np.zeros(len(real), bool)
    for part, block in squared_distances(real, generated, block_rows):
        looks_real |= (block <= real_radii[part, None]).any(axis=0)
        is_generated[part] = (block <= generated_radii).any(axis=1)
    return PrecisionRecall(float(looks_real.mean()), float(is_generated.mean()))


class DensityCoverage(NamedTuple):
    """density >= 0, about 1 for equal distributions; coverage in [0, 1]."""

    density: float
    coverage: float


def density_coverage(
    real: np.ndarray,
    generated: np.ndarray,
    num_neighbors: int = 5,
    block_rows: int = BLOCK_ROWS,
) -> DensityCoverage:
    """Density and coverage of `generated` [M, D] against `real` [N, D].

    Around every real point lies a closed ball as far as its k-th nearest other real point. Density
    is the number of (ball, generated point inside) pairs over k M; coverage is the share of balls
    with a generated point inside. For equal distributions the expected coverage is
    1 - (N-1)...(N-k) / ((M+N-1)...(M+N-k)).

    Args:
      num_neighbors: k, 5 in the paper.
      block_rows: rows of the table of distances held at once; the result does not depend on it.

    Raises:
      InputError: as `nearest_neighbors.checked_sets`.
    """
    real, generated = checked_sets(real, generated, num_neighbors)
    radii = squared_radii(real, num_neighbors, block_rows)
    num_inside = np.empty(len(real), np.int64)
    for part, block in squared_distances(real, generated, block_rows):
        num_inside[part] = (block <= radii[part, None]).sum(axis=1)
    density = num_inside.sum() / (num_neighbors * len(generated))
    return DensityCoverage(float(density), float((num_inside > 0).mean()))
