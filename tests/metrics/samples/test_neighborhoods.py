"""Precision, recall, density and coverage against hand numbers and the plain definition."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.neighborhoods import (
    density_coverage,
    precision_recall,
    squared_distances,
    squared_radii,
)


def test_on_a_line_by_hand():
    real = np.array([[0.0], [1], [3], [10]])
    # With k = 1 the real balls are 0+-1, 1+-1, 3+-2, 10+-7; the generated ones 2.5+-2, 4.5+-2,
    # 20+-15.5.
    generated = np.array([[2.5], [4.5], [20]])
    # 2.5 is in 3+-2; 4.5 in 3+-2 and 10+-7; 20 in none. 1 is in 2.5+-2, 3 in that and 4.5+-2, 10
    # in 20+-15.5; 0 in none.
    assert precision_recall(real, generated, num_neighbors=1) == (2 / 3, 3 / 4)
    # Pairs inside: 3 of k M = 3. Balls with a point: those of 3 and 10.
    assert density_coverage(real, generated, num_neighbors=1) == (1, 1 / 2)


@pytest.mark.parametrize("block_rows", [1, 7, 1000])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_equal_the_definitions(block_rows, k):
    rng = np.random.default_rng(0)
    # Far from the origin, where sums of squares of raw features would lose the distances.
    real = 1e5 + rng.standard_normal((40, 3))
    generated = 1e5 + 0.3 + 1.6 * rng.standard_normal((31, 3))
    real_radii = np.sort(cdist(real, real), axis=1)[:, k]
    generated_radii = np.sort(cdist(generated, generated), axis=1)[:, k]
    between = cdist(real, generated)
    in_real = between <= real_radii[:, None]
    in_generated = between <= generated_radii
    assert 0 < in_real.any(axis=0).mean() < 1
    given = precision_recall(real, generated, k, block_rows)
    assert given == (in_real.any(axis=0).mean(), in_generated.any(axis=1).mean())
    given = density_coverage(real, generated, k, block_rows)
    assert given.density == pytest.approx(in_real.sum() / (k * 31), rel=1e-12)
    assert given.coverage == in_real.any(axis=1).mean()


def test_float32_features_are_compared_in_float64():
    rng = np.random.default_rng(1)
    real = (1e3 + rng.standard_normal((50, 8))).astype(np.float32)
    generated = (1e3 + rng.standard_normal((50, 8))).astype(np.float32)
    wide = real.astype(np.float64), generated.astype(np.float64)
    assert density_coverage(real, generated) == density_coverage(*wide)


def test_equal_distributions_have_the_expected_density_and_coverage():
    rng = np.random.default_rng(2)
    given = [density_coverage(*rng.standard_normal((2, 200, 4)), 3) for _ in range(40)]
    n, k = 200, 3
    missed = np.prod(np.arange(n - k, n)) / np.prod(np.arange(2 * n - k, 2 * n))
    density, coverage = np.mean(given, axis=0)
    assert coverage == pytest.approx(1 - missed, abs=0.01)
    assert density == pytest.approx(1, abs=0.03)


def test_a_copy_scores_fully_and_a_far_set_nothing():
    real = np.random.default_rng(3).standard_normal((30, 5))
    assert precision_recall(real, real) == (1, 1)
    assert density_coverage(real, real).coverage == 1
    assert precision_recall(real, real + 100) == (0, 0)
    assert density_coverage(real, real + 100) == (0, 0)


def test_equal_rows_are_neighbours_at_distance_zero():
    features = np.array([[1.0, 2], [1, 2], [4, 6]])
    np.testing.assert_allclose(squared_radii(features, 1), [0, 0, 25], atol=1e-12)


def test_no_block_is_larger_than_asked_for():
    rows, columns = np.zeros((10, 2)), np.zeros((6, 2))
    shapes = [block.shape for _, block in squared_distances(rows, columns, 4)]
    assert shapes == [(4, 6), (4, 6), (2, 6)]


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
@pytest.mark.parametrize(
    ("real", "generated", "k", "message"),
    [
        (np.ones((9, 2)), np.ones((9, 3)), 3, "same feature space"),
        (np.ones(9), np.ones((9, 3)), 3, r"must be \[N, D\]"),
        (np.ones((9, 2)), np.ones((3, 2)), 3, "3 neighbours in sets of 9 real and 3 generated"),
        (np.ones((9, 2)), np.ones((9, 2)), 0, "must be 1 or more"),
        (np.ones((9, 2)), np.full((9, 2), np.nan), 3, "NaN"),
    ],
)
def test_input_errors(measure, real, generated, k, message):
    with pytest.raises(InputError, match=message):
        measure(real, generated, k)
