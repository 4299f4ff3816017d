import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.data.pose.heat_maps import HEAT_MAP_STYLES, heat_maps
from jaxrepro.data.pose.joint_sets import MPII
from jaxrepro.metrics.pose.heat_map_accuracy import map_accuracy, map_distances


def test_distances_and_shares_by_hand():
    """Joints 0 and 1 in two examples of maps of 20 cells: a tenth is 2 cells."""
    has = np.ones((2, 16), bool)
    truth = np.full((2, 16, 2), 0.5)
    truth[:, :2] = [[4.5, 5.5], [9.5, 9.5]]
    found = truth.copy()
    # A miss by 1 cell is 0.5 tenths, by (3, 4) it is 2.5; joint 2 lies in the first row.
    found[0, 0] += [1, 0]
    found[1, 0] += [3, 4]
    style = HEAT_MAP_STYLES["pytorch_pose"]
    maps, targets = (jnp.asarray(heat_maps(x, has, 20, style)) for x in (found, truth))
    distances = jax.jit(map_distances)(maps, targets)
    np.testing.assert_allclose(distances[:, :3], [[0.5, 0, -1], [2.5, 0, -1]], atol=1e-6)
    assert float(map_accuracy(distances, MPII)) == pytest.approx((0 + 1) / 2)
    assert float(map_accuracy(distances, MPII, strict=False)) == pytest.approx((0.5 + 1) / 2)
    assert float(map_accuracy(jnp.full((2, 16), -1.0), MPII)) == 0


def test_published_code_agrees(data_folder):
    golden = np.load(data_folder / "goldens" / "pose_decode.npz")
    maps, targets = (jnp.asarray(golden[x].transpose(0, 2, 3, 1)) for x in ("heatmaps", "targets"))
    distances = map_distances(maps, targets)
    np.testing.assert_allclose(distances.T, golden["calc_dists"], atol=1e-5)
    np.testing.assert_allclose(map_accuracy(distances, MPII), golden["accuracy"][0], atol=1e-6)
