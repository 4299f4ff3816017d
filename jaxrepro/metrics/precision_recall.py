"""Improved precision and recall (Kynkaanniemi et al. 2019), in float64."""

from typing import NamedTuple

import numpy as np

from jaxrepro.metrics.nearest_neighbors import (
    BLOCK_ROWS,
    checked_sets,
    squared_distances,
    squared_radii,
)


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
