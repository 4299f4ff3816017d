"""The weighted absolute error against golden values."""

import jax.numpy as jnp
import numpy as np

from jaxrepro.losses.pixel_error import hole_weighted_error
from tests.losses.golden_losses import GOLDEN, near


def errors(hole_weight):
    arrays = (GOLDEN[f"loss_{name}"] for name in ("gen", "gt", "mask"))
    return hole_weighted_error(*map(jnp.asarray, arrays), hole_weight)


def test_the_parts_outside_and_inside_the_hole():
    near(errors(0.0), "loss_pix_valid_per_image")
    near(errors(1.0) - errors(0.0), "loss_pix_hole_per_image")


def test_the_hole_weighs_six_times():
    near(errors(6.0).mean(), "loss_pixel_alpha6")


def test_differences_are_taken_in_float32():
    hole = jnp.zeros((1, 1, 1, 1), jnp.uint8)
    got = hole_weighted_error(
        jnp.ones((1, 1, 1, 3), jnp.bfloat16), jnp.full((1, 1, 1, 3), 1.001), hole, 6.0
    )
    np.testing.assert_allclose(got, 0.001, rtol=1e-3)
