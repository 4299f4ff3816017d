import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from jaxrepro.metrics.features.bilinear import resize_bilinear

# Where the output pixels lie on the input axis, from the definitions in the documentation of
# torch's interpolate and of TensorFlow 1's resize_bilinear.
POSITIONS = {
    "half_pixel": lambda i, n, side: (i + 0.5) * (n / side) - 0.5,
    "corner": lambda i, n, side: i * (n / side),
    "align_corners": lambda i, n, side: i * ((n - 1) / (side - 1)),
}


@pytest.mark.parametrize("alignment", POSITIONS)
@pytest.mark.parametrize("shape", [(5, 8), (23, 17), (11, 11), (1, 30)])
def test_equals_interpolation_at_the_positions(alignment, shape):
    image = np.random.default_rng(0).uniform(size=shape)
    index = np.arange(11)
    axes = [np.clip(POSITIONS[alignment](index, n, 11), 0, n - 1) for n in shape]
    expected = scipy.ndimage.map_coordinates(image, np.meshgrid(*axes, indexing="ij"), order=1)
    given = resize_bilinear(jnp.asarray(image, jnp.float32)[None, :, :, None], 11, alignment)
    np.testing.assert_allclose(given[0, :, :, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [
        ("half_pixel", [0, 1, 3, 4]),
        ("corner", [0, 2, 4, 4]),
        ("align_corners", [0, 4 / 3, 8 / 3, 4]),
    ],
)
def test_two_pixels_to_four_by_hand(alignment, expected):
    images = jnp.array([[0.0, 4.0], [0.0, 4.0]])[None, :, :, None]
    given = resize_bilinear(images, 4, alignment)[0, :, :, 0]
    np.testing.assert_allclose(given, [expected] * 4, atol=1e-6)


@pytest.mark.parametrize("alignment", POSITIONS)
def test_nothing_changes_at_the_same_size(alignment):
    images = np.random.default_rng(1).uniform(size=(2, 9, 9, 3)).astype(np.float32)
    np.testing.assert_allclose(
        resize_bilinear(jnp.asarray(images), 9, alignment), images, atol=1e-7
    )
