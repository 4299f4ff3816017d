"""Total variation in the three regions against golden values."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.losses.total_variation import REGIONS, total_variation
from tests.losses.golden_losses import GOLDEN, composed, near


@pytest.mark.parametrize("region", REGIONS)
def test_golden_values(region):
    got = total_variation(jnp.asarray(composed()), jnp.asarray(GOLDEN["loss_mask"]), region)
    parts = [GOLDEN[f"loss_tv_{region}_{axis}_per_image"] for axis in ("col", "row")]
    np.testing.assert_allclose(got, parts[0] + parts[1], rtol=1e-5)
    near(got.mean(), f"loss_tv_{region}")


def test_the_seam_is_seen_by_the_dilated_hole_only():
    hole = np.zeros((1, 8, 8, 1), np.uint8)
    hole[0, 3:5, 3:5] = 1
    image = jnp.asarray(hole, jnp.float32)
    assert total_variation(image, hole, "strict") == 0
    assert total_variation(image, hole, "dilated1") == 8 / 64


def test_another_region_is_refused():
    with pytest.raises(InputError, match="region 'hole' given; allowed: strict, dilated1, whole"):
        total_variation(jnp.ones((1, 2, 2, 1)), jnp.ones((1, 2, 2, 1)), "hole")
