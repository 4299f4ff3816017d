import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.data.pose.heat_maps import HEAT_MAP_STYLES, HeatMapStyle, drawn_joints, heat_maps

GOLDEN = np.load(pathlib.Path(__file__).parents[2] / "golden" / "pose.npz")


@pytest.mark.parametrize(("sigma", "radius"), [(1, 3), (2, 6)])
def test_maps_are_those_of_published_code(sigma, radius):
    style = HeatMapStyle(float(sigma), radius)
    points, has = GOLDEN["label/pts"], np.ones(8, bool)
    maps = heat_maps(points, has, 64, style)
    expected = np.moveaxis(GOLDEN[f"label/sigma{sigma}"], 0, -1)
    assert maps.shape == (64, 64, 8) and maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected, atol=1e-6)
    if sigma == 1:
        # Of the joint whose window ends one cell outside, that code says that it is visible.
        drawn = drawn_joints(points, has, 64, style)
        assert drawn.tolist() == [*GOLDEN["label/vis"][:4].astype(bool), False, True, False, True]
        np.testing.assert_array_equal(drawn, maps.any(axis=(0, 1)))


def test_conventions_by_hand():
    """Values beside the peak, width of the window, and the cell that a joint falls in."""
    point, has = np.array([[4.6, 9.0]]), np.array([True])
    for name, (sigma, width, column) in {
        "torch": (1.75, 7, 4),
        "pytorch_pose": (1, 7, 4),
        "princeton": (1, 9, 4),
        "hrnet": (2, 13, 5),
    }.items():
        maps = heat_maps(point, has, 20, HEAT_MAP_STYLES[name])[..., 0]
        assert np.unravel_index(maps.argmax(), maps.shape) == (9, column)
        assert maps.max() == 1
        np.testing.assert_allclose(maps[9, column + 1], np.exp(-0.5 / sigma**2), rtol=1e-6)
        np.testing.assert_allclose(maps[10, column + 2], np.exp(-2.5 / sigma**2), rtol=1e-5)
        rows = np.flatnonzero(maps.any(axis=1))
        assert rows.tolist() == list(range(9 - width // 2, 10 + width // 2))
    edge = np.array([[-1.5, 3.0]])
    assert heat_maps(edge, has, 8, HEAT_MAP_STYLES["torch"]).any()
    assert not heat_maps(edge, has, 8, HEAT_MAP_STYLES["princeton"]).any()


@pytest.mark.parametrize("name", ["torch", "hrnet"])
def test_drawn_on_the_device_they_are_the_same(name):
    rng = np.random.default_rng(0)
    points = rng.uniform(-6, 22, (2, 5, 2)).astype(np.float32)
    has = rng.random((2, 5)) < 0.8
    style = HEAT_MAP_STYLES[name]
    given = jax.jit(lambda p, h: heat_maps(p, h, 16, style))(jnp.asarray(points), jnp.asarray(has))
    assert isinstance(given, jax.Array) and given.shape == (2, 16, 16, 5)
    np.testing.assert_allclose(given, heat_maps(points, has, 16, style), atol=1e-6)
    assert not np.asarray(given)[:, :, :, :].any(axis=(1, 2))[~has].any()
