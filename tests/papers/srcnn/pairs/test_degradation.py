import pathlib

import numpy as np
import pytest

from jaxrepro.data.formats.resize import resize
from jaxrepro.papers.srcnn.pairs.degradation import (
    ARTICLE_INTENDED,
    ARTICLE_LITERAL,
    DEGRADATIONS,
    GAUSS_BICUBIC,
    MATLAB_BICUBIC,
    PILLOW_BICUBIC,
    gaussian_sigma,
)
from jaxrepro.papers.srcnn.pairs.planes import to_planes

GOLDEN = pathlib.Path(__file__).parents[3] / "golden" / "opencv.npz"
PLANES = np.random.default_rng(0).random((12, 18, 1), np.float32)


def as_planes(levels):
    return levels[..., None].astype(np.float32) / 255


def as_levels(planes):
    levels = planes[..., 0] * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)  # 8 bits they are.
    return np.round(levels).astype(int)


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("scale", [2, 3])
def test_sizes_types_and_flat_pictures(name, scale):
    chosen = DEGRADATIONS[name]
    low = chosen.shrink(PLANES, scale)
    small = (12, 18, 1) if chosen.keeps_resolution else (12 // scale, 18 // scale, 1)
    high = chosen.enlarge(low, (12, 18))
    assert (low.shape, high.shape) == (small, (12, 18, 1))
    assert low.dtype == high.dtype == np.float32
    # A flat picture loses nothing.
    flat = np.full((12, 18, 1), 100 / 255, np.float32)
    np.testing.assert_allclose(chosen.shrink(flat, scale), 100 / 255, atol=1e-6)
    np.testing.assert_allclose(chosen.enlarge(flat[:4, :6], (12, 18)), 100 / 255, atol=1e-6)
    assert chosen.low_rounding == "none" or as_levels(low).size


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_patches_at_once_or_one_by_one(name):
    patches = np.random.default_rng(1).random((3, 9, 9, 2), np.float32)
    chosen = DEGRADATIONS[name]
    both = chosen.enlarge(chosen.shrink(patches, 3), (9, 9))
    for got, patch in zip(both, patches, strict=True):
        expected = chosen.enlarge(chosen.shrink(patch, 3), (9, 9))
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_articles_blur_is_that_of_opencv():
    with np.load(GOLDEN) as golden:
        patches, blurred = golden["patches"], golden["blurred"]
    low = ARTICLE_LITERAL.shrink(as_planes(patches), 3)
    np.testing.assert_array_equal(as_levels(low), blurred)
    np.testing.assert_array_equal(ARTICLE_LITERAL.enlarge(low, (33, 33)), low)


def test_the_articles_intention_is_that_of_opencv():
    with np.load(GOLDEN) as golden:
        patches, small, large = golden["patches"], golden["small"], golden["large"]
    low = ARTICLE_INTENDED.shrink(as_planes(patches), 3)
    np.testing.assert_array_equal(as_levels(low), small)
    # OpenCV's own builds differ by 1 in the last step.
    difference = as_levels(ARTICLE_INTENDED.enlarge(low, (33, 33))) - large
    assert np.abs(difference).max() <= 1
    assert np.mean(difference != 0) < 0.01


@pytest.mark.parametrize("scale", [2, 3])
def test_the_texts_blur_is_a_gaussian_sampled_at_cell_centres(scale):
    size = 8 * 2 * scale
    x = np.zeros((size, size, 1))
    x[size // 2, size // 2] = 1
    places = np.arange(size // scale) * scale + (scale - 1) / 2 - size // 2
    # Between two pixels, where the scale is even, their mean.
    sides = (np.floor(places), np.ceil(places))
    line = sum(np.exp(-(side**2) / (2 * gaussian_sigma(scale) ** 2)) for side in sides)
    line /= 2 * np.sum(np.exp(-(np.arange(-40, 41) ** 2) / (2 * gaussian_sigma(scale) ** 2)))
    got = GAUSS_BICUBIC.shrink(x, scale)[..., 0]
    # The kernel is cut off at 4 standard deviations.
    np.testing.assert_allclose(got, np.outer(line, line), atol=1e-4)
    np.testing.assert_array_equal(GAUSS_BICUBIC.enlarge(x, (60, 60)), resize(x, (60, 60)))
    assert gaussian_sigma(3) == pytest.approx(1.6)


def test_matlabs_bicubic_is_not_rounded_and_pillows_is():
    x = np.random.default_rng(2).integers(0, 256, (36, 36, 1)) / 255
    low = MATLAB_BICUBIC.shrink(x, 3)
    np.testing.assert_array_equal(low, resize(x, (12, 12)))
    difference = np.abs(as_levels(PILLOW_BICUBIC.shrink(x, 3)) - low[..., 0] * 255)
    # Inside they have one kernel, and Pillow rounds twice; at the edges it weighs otherwise.
    assert difference[4:-4, 4:-4].max() < 1.5
    assert difference.max() > 3
    assert PILLOW_BICUBIC.shrink(np.repeat(x, 3, -1), 3).shape == (12, 12, 3)


def test_luma_in_full_range_is_for_luma_alone():
    white = np.full((2, 2, 3), 255, np.uint8)
    assert to_planes(white, "y", "full").ravel().tolist() == [1, 1, 1, 1]
    assert to_planes(white, "y")[0, 0, 0] == pytest.approx(235 / 255)
    assert to_planes(white, "rgb", "full").shape == (2, 2, 3)
    assert to_planes(white, "y", dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="color=ycbcr does not go with luma in full range"):
        to_planes(white, "ycbcr", "full")
