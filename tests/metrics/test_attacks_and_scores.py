"""FGSM, the area under the curve, and features as clusters, against small cases by hand."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.metrics.feature_density import fitted_scores, variance_ratio
from jaxrepro.metrics.fgsm import fgsm
from jaxrepro.metrics.ranking import auroc

RNG = np.random.default_rng(0)


def test_a_step_along_the_signs_stays_in_the_range():
    weights = RNG.normal(0, 0.01, (12, 3)).astype(np.float32)
    images = RNG.integers(0, 256, (4, 2, 2, 3), np.uint8)
    labels = np.array([0, 1, 2, 1])
    changed = fgsm(lambda x: x.reshape(len(x), -1) @ weights, images, labels, 0.1)
    p = np.exp(images.reshape(4, -1) @ weights)
    p /= p.sum(axis=1, keepdims=True)
    signs = np.sign((p - np.eye(3)[labels]) @ weights.T).reshape(images.shape)
    np.testing.assert_allclose(changed, np.clip(images + 25.5 * signs, 0, 255), rtol=1e-6)
    np.testing.assert_array_equal(fgsm(lambda x: x[:, 0, 0], images, labels, 0.0), images)


def test_the_share_of_pairs_in_order():
    positive, negative = np.array([3.0, 1.0, 2.0]), np.array([1.0, 0.0])
    # Of six pairs five are in order and one is equal.
    assert auroc(positive, negative) == pytest.approx(5.5 / 6)
    assert auroc(negative, positive) == pytest.approx(0.5 / 6)
    assert math.isnan(auroc(positive, negative[:0]))


def test_the_ratio_of_variances():
    features, labels = np.array([[0.0], [2.0], [10.0], [12.0]]), np.array([0, 0, 1, 1])
    # Within a class 1, between them 25.
    assert variance_ratio(features, labels) == 25
    turned = np.hstack([features, np.zeros((4, 1))]) @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    assert variance_ratio(turned, labels) == pytest.approx(25)


def test_gaussians_are_fitted_whatever_the_scale():
    mix = np.array([[3.0, 0.0], [1.0, 0.01]])
    labels = np.repeat([0, 2], 200)
    features = RNG.normal(0, 1, (400, 2)) @ mix + labels[:, None]
    first, second = (features[labels == k].mean(axis=0) for k in (0, 2))
    others = np.stack([first, second + np.array([6.0, 0.0])])
    scores = fitted_scores(features, labels, others)
    assert scores[0] == pytest.approx(0, abs=1e-6)
    assert scores[1] < -1
    larger = fitted_scores(1e3 * features, labels, 1e3 * others)
    np.testing.assert_allclose(larger, scores, rtol=1e-4, atol=1e-9)
    flat = jnp.hstack([features, jnp.zeros((400, 1))])
    assert np.isfinite(fitted_scores(np.asarray(flat), labels, np.zeros((1, 3)))).all()
