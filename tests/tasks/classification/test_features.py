"""Attacks and what tells them, from scores by hand and through a network of one layer."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.tasks.classification.features import attacked, detected


def test_columns_of_images_and_of_attacks():
    rng = np.random.default_rng(0)
    weights = jnp.asarray(rng.normal(0, 0.02, (12, 3)), jnp.float32)
    images, labels = rng.integers(0, 256, (6, 2, 2, 3), np.uint8), np.array([0, 1, 2, 0, 1, 2])

    def classified(pixels):
        features = pixels.reshape(len(pixels), -1)
        return Classified(features, features @ weights)

    rows = attacked(classified, images, labels, 0.1)
    np.testing.assert_array_equal(rows["features"], images.reshape(6, -1))
    moved = np.abs(rows["odd_features"] - rows["features"])
    assert 0 < moved.max() <= 25.51
    logits = images.reshape(6, -1) @ np.asarray(weights)
    np.testing.assert_array_equal(rows["right"], logits.argmax(1) == labels)
    np.testing.assert_allclose(rows["likelihood"], logits.max(1), rtol=1e-4)
    assert (rows["probability"] <= 0).all()


def test_right_images_are_told_from_the_attacks_that_succeeded():
    known = {"features": np.array([[0.0], [1.0], [9.0], [10.0]]), "label": np.array([0, 0, 1, 1])}
    rows = {
        "right": np.array([True, True, True, False]),
        "odd_right": np.array([False, True, False, False]),
        "probability": np.array([-0.1, -0.2, -0.3, -9.0]),
        # Of the two that succeeded one lies between the others, the other below all.
        "odd_probability": np.array([-0.15, 0.0, -5.0, 0.0]),
        "features": np.array([[0.5], [0.4], [9.5], [5.0]]),
        "odd_features": np.array([[5.0], [0.5], [4.0], [0.5]]),
        "likelihood": np.array([1.0, 1.0, 1.0, 5.0]),
        "odd_likelihood": np.array([2.0, 0.0, 1.0, 0.0]),
    }
    found = detected(known, rows, densities=True)
    assert found["fooled"] == pytest.approx(200 / 3)
    assert found["auroc_probability"] == pytest.approx((1 + 3) / 6)
    assert found["auroc_fitted"] == 1
    assert found["auroc_likelihood"] == pytest.approx(1.5 / 6)
    assert "auroc_likelihood" not in detected(known, rows, densities=False)
