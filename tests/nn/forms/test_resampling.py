import jax.numpy as jnp
import numpy as np

from jaxrepro.nn.forms.resampling import pixel_shuffle


def test_pixel_shuffle_orders_channels_by_row_column_and_plane():
    scale, planes = 3, 2
    x = np.arange(2 * 2 * 3 * scale**2 * planes).reshape(2, 2, 3, -1)
    expected = np.empty((2, 2 * scale, 3 * scale, planes), x.dtype)
    for row in range(2 * scale):
        for column in range(3 * scale):
            for plane in range(planes):
                channel = ((row % scale) * scale + column % scale) * planes + plane
                expected[:, row, column, plane] = x[:, row // scale, column // scale, channel]
    np.testing.assert_array_equal(pixel_shuffle(jnp.asarray(x), scale), expected)
