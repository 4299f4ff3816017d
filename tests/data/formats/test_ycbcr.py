import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.data.formats.ycbcr import full_range_luma, rgb_to_ycbcr, to_uint8, ycbcr_to_rgb

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "opencv.npz"
COLOURS = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        # 16 + 65.481 = 81.481, 128 - 37.797 = 90.203, 128 + 112 = 240.
        ((255, 0, 0), (81, 90, 240)),
        ((0, 0, 255), (41, 240, 110)),
    ],
)
def test_corners_of_the_cube_of_colours(rgb, ycbcr):
    assert rgb_to_ycbcr(np.array([[rgb]], np.uint8)).tolist() == [[list(ycbcr)]]


def test_is_the_published_formula_rounded():
    r, g, b = np.moveaxis(COLOURS.astype(np.float64), -1, 0)
    planes = (
        16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255,
        128 + (-37.797 * r - 74.203 * g + 112 * b) / 255,
        128 + (112 * r - 93.786 * g - 18.214 * b) / 255,
    )
    expected = np.floor(np.stack(planes, -1) + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(rgb_to_ycbcr(COLOURS), expected)


def test_floating_numbers_there_and_back_in_numpy_and_jax():
    rgb = COLOURS / 255
    ycbcr = rgb_to_ycbcr(rgb)
    np.testing.assert_allclose(ycbcr_to_rgb(ycbcr), rgb, atol=1e-12)
    small = rgb.astype(np.float32)
    got = rgb_to_ycbcr(jnp.asarray(small))
    assert got.dtype == jnp.float32 == rgb_to_ycbcr(small).dtype
    np.testing.assert_allclose(got, ycbcr, atol=1e-6)
    np.testing.assert_allclose(ycbcr_to_rgb(got), rgb, atol=1e-5)


def test_eight_bits_there_and_back_lose_a_few_grey_levels():
    back = ycbcr_to_rgb(rgb_to_ycbcr(COLOURS))
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - COLOURS).max() <= 3


def test_full_range_luma_is_that_of_opencv():
    with np.load(GOLDEN) as golden:
        np.testing.assert_array_equal(full_range_luma(golden["rgb"])[..., 0], golden["luma"])
    grey = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, -1)
    np.testing.assert_array_equal(full_range_luma(grey), grey[..., :1])


def test_rounding_to_eight_bits():
    x = np.array([-0.1, 0.49 / 255, 0.5 / 255, 1.5 / 255, 2.5 / 255, 1.1])
    assert to_uint8(x).tolist() == [0, 0, 1, 2, 3, 255]
