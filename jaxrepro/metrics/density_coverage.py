"""Density and coverage (Naeem et al. 2020), in float64."""

from typing import NamedTuple

import numpy as np

from jaxrepro.metrics.nearest_neighbors import (
    BLOCK_ROWS,
    checked_sets,
    squared_distances,
    squared_radii,
)


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
