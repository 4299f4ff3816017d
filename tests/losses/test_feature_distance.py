"""Perceptual and style distances against golden values."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.losses.feature_distance import gram_matrix, perceptual_distance, style_distance
from tests.losses.golden_losses import GOLDEN, maps, near


def test_perceptual_distances_of_raw_and_composed_image():
    both = [perceptual_distance(maps(of), maps("gt")) for of in ("gen", "comp")]
    near(both[0] + both[1], "loss_percept_per_image")
    near((both[0] + both[1]).mean(), "loss_percept")


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_one_depth(depth):
    truth = GOLDEN[f"feat_gt_{depth}"]
    near(gram_matrix(truth), f"gram_gt_{depth}")
    for of in ("gen", "comp"):
        distance = style_distance([GOLDEN[f"feat_{of}_{depth}"]], [truth])
        near(distance, f"style_{of}_{depth}_per_image")


def test_all_depths():
    for of in ("gen", "comp"):
        near(style_distance(maps(of), maps("gt")).mean(), f"loss_style_{of}")


def test_gram_matrices_are_summed_in_float32():
    # In bfloat16 a sum of ones stops at 256.
    gram = gram_matrix(jnp.ones((1, 32, 32, 2), jnp.bfloat16))
    assert gram.dtype == jnp.float32
    np.testing.assert_array_equal(gram, np.full((1, 2, 2), 1024))


def test_maps_of_another_number_of_depths_are_refused():
    with pytest.raises(ValueError):
        perceptual_distance(maps("gen")[:2], maps("gt"))
