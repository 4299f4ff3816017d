import numpy as np
import pytest
import scipy.linalg

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.frechet import Moments, frechet_distance, frechet_distance_of


def gaussian(mean, covariance, *, count=100):
    return Moments(count, np.asarray(mean, float), np.asarray(covariance, float) * (count - 1))


def random_covariance(rng, size):
    root = rng.standard_normal((size, size))
    return root @ root.T / size


def test_diagonal_gaussians_have_the_closed_form():
    a = gaussian([0, 0, 0], np.diag([1.0, 4.0, 0.0]))
    b = gaussian([1, 2, 0], np.diag([9.0, 4.0, 25.0]))
    # |m|^2 + sum (sqrt(v_a) - sqrt(v_b))^2 = 5 + 4 + 0 + 25
    assert frechet_distance(a, b) == pytest.approx(34, rel=1e-12)


def test_equals_the_matrix_square_root_form():
    rng = np.random.default_rng(0)
    mean_a, mean_b = rng.standard_normal((2, 20))
    cov_a, cov_b = random_covariance(rng, 20), random_covariance(rng, 20)
    root = scipy.linalg.sqrtm(cov_a @ cov_b)
    expected = np.square(mean_a - mean_b).sum() + np.trace(cov_a + cov_b - 2 * root.real)
    given = frechet_distance(gaussian(mean_a, cov_a), gaussian(mean_b, cov_b))
    assert given == pytest.approx(expected, rel=1e-9)


def test_is_symmetric():
    rng = np.random.default_rng(1)
    a, b = Moments.of(rng.standard_normal((40, 6))), Moments.of(rng.uniform(size=(30, 6)))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)


def test_degenerate_gaussians_of_fewer_samples_than_features():
    rng = np.random.default_rng(2)
    # Two points: variance |difference|^2 / 2 along one direction, none across it.
    points_a, points_b = rng.standard_normal((2, 2, 50))
    along_a, along_b = points_a[1] - points_a[0], points_b[1] - points_b[0]
    shift = points_a.mean(axis=0) - points_b.mean(axis=0)
    expected = shift @ shift + (along_a @ along_a + along_b @ along_b) / 2 - abs(along_a @ along_b)
    given = frechet_distance(Moments.of(points_a), Moments.of(points_b))
    assert given == pytest.approx(expected, rel=1e-6)


def test_a_set_is_at_distance_zero_from_itself_at_any_rank():
    features = np.random.default_rng(3).standard_normal((10, 40))
    moments = Moments.of(features)
    assert 0 <= frechet_distance(moments, moments) < 1e-6


@pytest.mark.parametrize("sizes", [(1, 1, 998), (500, 500), (7, 0, 993)])
def test_merged_parts_equal_the_whole(sizes):
    rng = np.random.default_rng(4)
    # A mean far from zero: sums of squares would lose 8 of 16 digits.
    features = 1e4 + rng.standard_normal((1000, 5)) * [1, 2, 3, 4, 5]
    merged = Moments.empty(5)
    for part in np.split(features, np.cumsum(sizes)[:-1]):
        merged = merged.merge(Moments.of(part) if len(part) else Moments.empty(5))
    assert merged.count == 1000
    np.testing.assert_allclose(merged.mean, features.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(merged.covariance, np.cov(features.T), rtol=1e-9, atol=1e-9)


def test_adding_batches_equals_the_whole():
    features = np.random.default_rng(5).standard_normal((64, 3))
    moments = Moments.empty(3)
    for batch in np.split(features, 4):
        moments = moments.add(batch)
    np.testing.assert_allclose(moments.covariance, np.cov(features.T), rtol=1e-12)


def test_float32_features_are_summed_in_float64():
    features = (1e3 + np.random.default_rng(6).standard_normal((2000, 4))).astype(np.float32)
    expected = np.cov(features.astype(np.float64).T)
    np.testing.assert_allclose(Moments.of(features).covariance, expected, rtol=1e-10, atol=1e-12)


def test_not_finite_moments_give_nan():
    good = Moments.of(np.eye(3))
    assert np.isnan(frechet_distance(good, good.add(np.full((1, 3), np.nan))))


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_samples(count):
    few = Moments.empty(3).add(np.ones((1, 3))) if count else Moments.empty(3)
    enough = Moments.of(np.eye(3))
    with pytest.raises(InputError, match=f"at least 2 samples, {count} given"):
        frechet_distance(enough, few)


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 2, 2)])
def test_features_of_another_shape(shape):
    with pytest.raises(InputError, match=r"must be \[N, D\]"):
        Moments.of(np.zeros(shape))


def test_different_feature_spaces():
    a, b = Moments.of(np.eye(3)), Moments.of(np.eye(4))
    with pytest.raises(InputError, match="cannot be merged"):
        a.merge(b)
    with pytest.raises(InputError, match="cannot be compared"):
        frechet_distance(a, b)


@pytest.mark.parametrize(("num_a", "num_b"), [(7, 9), (2, 2), (30, 9), (7, 30), (40, 50)])
def test_distance_of_two_sets_equals_that_of_their_moments(num_a, num_b):
    rng = np.random.default_rng(7)
    a, b = 5 + rng.standard_normal((num_a, 20)), 2 * rng.standard_normal((num_b, 20))
    expected = frechet_distance(Moments.of(a), Moments.of(b))
    assert frechet_distance_of(a, b) == pytest.approx(expected, rel=1e-6)


def test_distance_of_two_sets_that_are_too_small_not_finite_or_of_different_spaces():
    good = np.eye(3)
    with pytest.raises(InputError, match="at least 2 samples, 1 given"):
        frechet_distance_of(good, good[:1])
    with pytest.raises(InputError, match="cannot be compared"):
        frechet_distance_of(good, np.eye(4))
    assert np.isnan(frechet_distance_of(good, np.full((2, 3), np.inf)))


def test_more_features_than_samples_in_any_split_into_batches():
    rng = np.random.default_rng(8)
    scale = np.geomspace(1, 1e-3, 512)
    a = np.abs(rng.standard_normal((75, 512))) * scale
    b = np.abs(0.2 + rng.standard_normal((75, 512))) * scale
    merged = Moments.empty(512)
    for part in np.split(b, [1, 25, 26, 70]):
        merged = merged.add(part)
    given = frechet_distance(Moments.of(a), merged)
    # The centred samples span 74 directions: this form never sees the singular matrices.
    assert given == pytest.approx(frechet_distance_of(a, b), rel=1e-6)
