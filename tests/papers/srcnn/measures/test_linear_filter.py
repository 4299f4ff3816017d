import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.ycbcr import to_uint8
from jaxrepro.metrics.pictures.image_quality import psnr
from jaxrepro.papers.srcnn.measures.linear_filter import (
    LinearFilter,
    fit_linear_filter,
    linear_filter,
)
from jaxrepro.papers.srcnn.pairs.degraded import degraded_pictures


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def by_hand(plane, weights, bias):
    """The same sum written as a loop over the weights."""
    margin = len(weights) // 2
    extended = np.pad(plane, margin, mode="edge")
    height, width = plane.shape
    total = np.full(plane.shape, bias)
    for y in range(len(weights)):
        for x in range(len(weights)):
            total += weights[y, x] * extended[y : y + height, x : x + width]
    return total


def test_filter_is_applied_as_a_correlation_over_repeated_edges():
    plane, weights = noise(0, 9, 7), noise(1, 5, 5)
    result = LinearFilter(weights, 0.3)(plane)
    np.testing.assert_allclose(result, by_hand(plane, weights, 0.3), atol=1e-12)


@pytest.mark.parametrize("num_pixels", [10_000, 900])
def test_a_known_filter_is_found(num_pixels):
    weights, planes = noise(0, 5, 5), [noise(1, 40, 30), noise(2, 31, 33)]
    pairs = [(plane, by_hand(plane, weights, -0.7)) for plane in planes]
    found = fit_linear_filter(pairs, 5, num_pixels)
    np.testing.assert_allclose(found.weights, weights, atol=1e-10)
    assert found.bias == pytest.approx(-0.7, abs=1e-10)


def test_no_other_filter_has_a_smaller_error():
    pairs = [(noise(0, 30, 30), noise(1, 30, 30))]
    found = fit_linear_filter(pairs, 3)

    def error(weights, bias):
        return np.mean((LinearFilter(weights, bias)(pairs[0][0]) - pairs[0][1]) ** 2)

    least = error(found.weights, found.bias)
    for place in np.ndindex(3, 3):
        for change in (-1e-3, 1e-3):
            weights = found.weights.copy()
            weights[place] += change
            assert error(weights, found.bias) > least
    assert error(found.weights, found.bias + 1e-3) > least


def test_of_many_pixels_a_part_is_taken_the_same_each_time():
    pairs = [(noise(0, 60, 50), noise(1, 60, 50))]
    whole, part, again = (fit_linear_filter(pairs, 3, n) for n in (3000, 1000, 1000))
    np.testing.assert_array_equal(part.weights, again.weights)
    assert np.abs(part.weights - whole.weights).max() > 1e-4


def test_constant_pictures_have_a_filter():
    found = fit_linear_filter([(np.full((20, 20), 0.5), np.full((20, 20), 0.25))], 3)
    np.testing.assert_allclose(found(np.full((4, 4), 0.5)), 0.25, atol=1e-12)
    assert np.isfinite(found.weights).all()


def test_what_cannot_be_fitted_is_said():
    plane = np.zeros((4, 4))
    with pytest.raises(InputError, match="side 4 has no centre"):
        fit_linear_filter([(plane, plane)], 4)
    with pytest.raises(InputError, match="16 pixels are too few for the 26 numbers"):
        fit_linear_filter([(plane, plane)], 5)


def test_t91_gives_the_known_decibels(data_folder):
    root = data_folder / "data" / "sr"
    fitted = linear_filter(f"folder:{root / 'T91'}", "matlab-bicubic", 3)
    for name, expected in (("Set5", 31.388), ("Set14", 28.293)):
        decibels = [
            psnr(*(to_uint8(x)[3:-3, 3:-3] for x in (fitted(p.enlarged[..., 0]), p.truth[..., 0])))
            for p in degraded_pictures(f"folder:{root / name}", "matlab-bicubic", 3, "y")
        ]
        # Those of a filter fitted on another part of the pixels.
        assert np.mean(decibels) == pytest.approx(expected, abs=0.01)
