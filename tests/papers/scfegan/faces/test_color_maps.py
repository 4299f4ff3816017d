import numpy as np
import pytest
from scipy import ndimage

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.faces.color_maps import (
    ColorStyle,
    color_map,
    median_colors,
    parts_of_picture,
    smoothed,
    superpixels,
)


def halves(size, rng, noise=12):
    picture = np.zeros((size, size, 3))
    picture[:, : size // 2] = (200, 60, 40)
    picture[:, size // 2 :] = (30, 90, 180)
    return np.clip(picture + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def test_smoothing_removes_texture_and_keeps_edges():
    picture = halves(64, np.random.default_rng(0))
    smooth = smoothed(picture)
    assert smooth.shape == picture.shape and smooth.dtype == np.uint8
    assert smooth[:, :28].std(axis=(0, 1)).max() < picture[:, :28].std(axis=(0, 1)).min() / 4
    # From one colour to the other within four pixels.
    np.testing.assert_allclose(smooth[:, 29].mean(axis=0), (200, 60, 40), atol=8)
    np.testing.assert_allclose(smooth[:, 34].mean(axis=0), (30, 90, 180), atol=8)
    np.testing.assert_array_equal(smoothed(picture[:, ::-1]), smooth[:, ::-1])


def test_medians_are_those_of_each_part():
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (9, 11, 3), np.uint8)
    parts = rng.integers(0, 5, (9, 11)) * 7 - 3
    colors = median_colors(picture, parts)
    for number in np.unique(parts):
        inside = picture[parts == number]
        expected = np.sort(inside, axis=0)[(len(inside) - 1) // 2]
        assert (colors[parts == number] == expected).all()


def test_superpixels_are_connected_and_follow_edges():
    picture = smoothed(halves(64, np.random.default_rng(2)))
    parts = superpixels(picture)
    assert parts.shape == (64, 64) and 20 < len(np.unique(parts)) < 90
    for number in np.unique(parts):
        assert ndimage.label(parts == number)[1] == 1
    crossing = set(np.unique(parts[:, :31])) & set(np.unique(parts[:, 33:]))
    assert not crossing


def test_superpixels_of_large_pictures_are_searched_in_small_ones():
    picture = np.repeat(np.repeat(smoothed(halves(128, np.random.default_rng(3))), 4, 0), 4, 1)
    parts = superpixels(picture)
    assert parts.shape == (512, 512)
    # Each pixel of the 256 that were searched has become two by two.
    np.testing.assert_array_equal(parts[::2, ::2], parts[1::2, 1::2])


def test_given_parts_keep_their_own_color_and_the_background_has_superpixels():
    picture = halves(64, np.random.default_rng(4))
    labels = np.zeros((64, 64), np.uint8)
    labels[20:40, 10:44] = 1
    labels[24:30, 20:30] = 17
    parts = parts_of_picture(smoothed(picture), labels)
    assert len(np.unique(parts[labels == 1])) == len(np.unique(parts[labels == 17])) == 1
    assert len(np.unique(parts[labels == 0])) > 10
    assert not set(parts[labels > 0].tolist()) & set(parts[labels == 0].tolist())
    # The part across both halves has the median colour, which is that of the left one.
    colors = color_map(picture, labels)
    np.testing.assert_allclose(colors[22, 42], (200, 60, 40), atol=12)
    np.testing.assert_allclose(colors[50, 60], (30, 90, 180), atol=12)


def test_color_maps_are_flat():
    colors = color_map(halves(64, np.random.default_rng(5)))
    assert len(np.unique(colors.reshape(-1, 3), axis=0)) < 90
    assert (np.diff(colors.astype(int), axis=1) == 0).mean() > 0.8


@pytest.mark.parametrize("change", [{"median_size": 4}, {"num_bilateral": -1}, {"num_segments": 0}])
def test_impossible_styles_are_refused(change):
    with pytest.raises(InputError, match="median_size must be"):
        ColorStyle(**change)
