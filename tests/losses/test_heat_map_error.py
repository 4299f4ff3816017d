"""The loss of pose networks against numbers worked out by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.losses.heat_map_error import MAP_WEIGHTS, heat_map_error

# Two stacks, two people, maps of 1 x 2 cells, three joints.
SCORES = np.zeros((2, 2, 1, 2, 3), np.float32)
SCORES[0, 0, 0, 0] = (1, 2, 3)  # Squares 1, 4 and 9 of the first person.
SCORES[1, 1, 0, 1] = (4, 5, 6)  # 16, 25 and 36 of the second.
DRAWN = np.array([[True, True, False], [True, False, True]])
VISIBLE = np.array([[True, False, False], [True, True, False]])


@pytest.mark.parametrize(
    ("name", "sums"),
    [("torch", (14, 77)), ("hrnet", (5 / 2, 52 / 2)), ("pytorch_pose", (1 / 2, 16 / 2))],
)
def test_which_joints_count_and_the_mean_is_over_all(name, sums):
    errors = heat_map_error(
        jnp.asarray(SCORES),
        jnp.zeros((2, 1, 2, 3)),
        jnp.asarray(DRAWN),
        jnp.asarray(VISIBLE),
        MAP_WEIGHTS[name],
    )
    np.testing.assert_allclose(errors, np.array(sums) / 12, rtol=1e-6)


def test_targets_are_subtracted_in_float32():
    targets = np.full((2, 1, 2, 3), 2.0, np.float32)
    errors = heat_map_error(
        jnp.full((1, 2, 1, 2, 3), 1.0, jnp.bfloat16),
        jnp.asarray(targets),
        jnp.asarray(DRAWN),
        jnp.asarray(VISIBLE),
        MAP_WEIGHTS["torch"],
    )
    assert errors.dtype == jnp.float32
    np.testing.assert_allclose(errors, [1.0])
