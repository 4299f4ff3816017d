"""Pictures through networks of any colour."""

import numpy as np
import pytest

from jaxrepro.data.resize import resize
from jaxrepro.data.ycbcr import rgb_to_ycbcr
from jaxrepro.papers.srcnn.apply_color import enlarge, split

RGB = np.random.default_rng(0).uniform(0, 1, (6, 7, 3))
GREY = RGB[..., :1]


def interpolate(planes):
    return resize(planes, (12, 14))


@pytest.mark.parametrize("color", ["y", "ycbcr", "rgb"])
@pytest.mark.parametrize("picture", [RGB, GREY], ids=["rgb", "grey"])
def test_interpolated_planes_make_the_interpolated_picture(color, picture):
    """Conversions and interpolation are linear, so their order makes no difference."""
    result = enlarge(picture, color, interpolate)
    assert result.dtype == picture.dtype
    np.testing.assert_allclose(result, interpolate(picture), atol=1e-12)


def test_a_network_of_luma_changes_luma_alone():
    result = rgb_to_ycbcr(enlarge(RGB, "y", lambda planes: interpolate(planes) + 0.1))
    plain = rgb_to_ycbcr(interpolate(RGB))
    np.testing.assert_allclose(result - plain, np.broadcast_to([0.1, 0, 0], plain.shape), atol=1e-9)


def test_what_a_network_sees():
    np.testing.assert_allclose(
        split(RGB, "y")[..., 0], (16 + RGB @ [65.481, 128.553, 24.966]) / 255, atol=1e-12
    )
    np.testing.assert_array_equal(split(RGB, "ycbcr"), rgb_to_ycbcr(RGB))
    np.testing.assert_array_equal(split(RGB, "rgb"), RGB)
    np.testing.assert_array_equal(split(GREY, "y"), GREY)
    np.testing.assert_array_equal(split(GREY, "rgb"), np.repeat(GREY, 3, axis=-1))
    np.testing.assert_allclose(split(GREY, "ycbcr")[..., 1:], 128 / 255, atol=1e-9)
    with pytest.raises(AssertionError):
        split(RGB[..., :2], "y")
