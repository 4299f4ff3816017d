"""Last layers of Gaussians: their parameters, their start, and what each covariance means."""

import jax
import numpy as np
import pytest

from jaxrepro.losses.large_margin_gaussian_mixture import squared_distances
from jaxrepro.nn.centred_scores import CentredScores
from jaxrepro.nn.gaussian_mixture_head import COVARIANCES, GaussianMixtureHead, MixtureScores

X = np.random.default_rng(0).normal(0, 1, (4, 6)).astype(np.float32)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_distances_and_determinants(covariance):
    head = GaussianMixtureHead(3, covariance)
    params = head.init(jax.random.key(0), X)["params"]
    plain = squared_distances(X, params["means"])
    found, determinants = head.apply({"params": params}, X)
    np.testing.assert_allclose(found, plain, rtol=2e-4)
    scores = MixtureScores(3, covariance).apply({"params": params}, X)
    np.testing.assert_allclose(scores, -found / 2, rtol=1e-6)
    assert (determinants is not None) == (covariance == "diagonal")
    if covariance == "identity":
        assert set(params) == {"means"}
        return
    # All variances 4: distances a quarter, determinants 6 log 4.
    params = params | {"log_variances": params["log_variances"] + np.log(4)}
    found, determinants = head.apply({"params": params}, X)
    np.testing.assert_allclose(found, plain / 4, rtol=1e-3)
    if determinants is not None:
        np.testing.assert_allclose(determinants, np.full(3, 6 * np.log(4)), rtol=1e-6)
        scores = MixtureScores(3, covariance).apply({"params": params}, X)
        np.testing.assert_allclose(scores, -(found + determinants) / 2, rtol=1e-6)


def test_means_start_as_in_the_later_code():
    wide = np.zeros((1, 500), np.float32)
    means = GaussianMixtureHead(40).init(jax.random.key(0), wide)["params"]["means"]
    np.testing.assert_allclose(means.std(), (2 / (3 * 500)) ** 0.5, rtol=0.02)


def test_scores_beside_centres_do_not_use_them():
    params = CentredScores(3).init(jax.random.key(0), X)["params"]
    assert params["means"].shape == (3, 6)
    gradients = jax.grad(lambda p: (CentredScores(3).apply({"params": p}, X) ** 2).sum())(params)
    assert not gradients["means"].any()
    assert gradients["dense"]["kernel"].any()
