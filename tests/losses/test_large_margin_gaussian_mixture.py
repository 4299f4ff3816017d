"""The large-margin Gaussian mixture loss: published values, gradients, and what it must not see."""

import jax
import numpy as np
import pytest
from scipy.special import log_softmax

from jaxrepro.core.errors import InputError
from jaxrepro.losses import large_margin_gaussian_mixture as module
from jaxrepro.losses.large_margin_gaussian_mixture import (
    large_margin_gaussian_mixture,
    log_likelihood,
    margin_logits,
    ramped,
    squared_distances,
)

RNG = np.random.default_rng(0)
X, MEANS = RNG.normal(0, 1, (8, 6)), RNG.normal(0, 1, (5, 6))
LABELS = RNG.integers(0, 5, 8)
VARIANCES = RNG.uniform(0.5, 2, (5, 6))


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def by_hand(x, means, variances):
    """Returns what `squared_distances` returns, example by example."""
    return np.array([[((a - m) ** 2 / v).sum() for m, v in zip(means, variances)] for a in x])


def loss(x, means, alpha=0.3, weight=0.1, **choices):
    squared = squared_distances(x, means, choices.pop("variances", None))
    return large_margin_gaussian_mixture(squared, LABELS, alpha=alpha, weight=weight, **choices)


def test_values_and_gradients_of_the_published_codes(data_folder):
    golden = np.load(data_folder / "goldens" / "digest_lgm.npz")
    x, means, labels = (golden[name] for name in ("feat", "means", "labels"))

    def parts(x, means):
        squared = squared_distances(x, means)
        return large_margin_gaussian_mixture(squared, labels, alpha=0.3, weight=0.1)

    def near(ours, name):
        np.testing.assert_allclose(ours, golden[f"a030_l010_{name}"], rtol=1e-9, atol=1e-12)

    near(margin_logits(squared_distances(x, means), labels, 0.3), "margin_logits")
    for ours, name in zip(parts(x, means), ("total", "ce", "likelihood"), strict=True):
        near(ours, name)
    gradients = jax.grad(lambda *given: parts(*given).total, (0, 1))(x, means)
    for ours, name in zip(gradients, ("dfeat", "dmeans"), strict=True):
        near(ours, name)


def test_the_papers_gradient():
    """Equation 23, with diagonal covariances; the determinants do not depend on x."""
    determinants = np.log(VARIANCES).sum(axis=1)

    def total(x):
        return loss(x, MEANS, variances=VARIANCES, log_determinants=determinants).total

    found = jax.grad(total)(X) * len(X)
    logits = margin_logits(by_hand(X, MEANS, VARIANCES), LABELS, 0.3, determinants)
    p = np.exp(log_softmax(np.asarray(logits), axis=1))
    pulls = (X[:, None] - MEANS) / VARIANCES
    for i, z in enumerate(LABELS):
        others = sum(p[i, k] * pulls[i, k] for k in range(5) if k != z)
        np.testing.assert_allclose(
            found[i], ((1 - p[i, z]) * 1.3 + 0.1) * pulls[i, z] - others, rtol=1e-7
        )


@pytest.mark.parametrize("variances", [None, VARIANCES[:, 0], VARIANCES])
def test_distances_are_those_by_hand_in_both_forms(variances, monkeypatch):
    full = np.ones((5, 6)) if variances is None else np.broadcast_to(variances.T, (6, 5)).T
    for most in (10**6, 0):
        monkeypatch.setattr(module, "_MOST_DIFFERENCES", most)
        found = squared_distances(X, MEANS, variances)
        np.testing.assert_allclose(found, by_hand(X, MEANS, full), rtol=1e-9)
        assert squared_distances(X + 1e8, X + 1e8).min() >= 0
    assert squared_distances(X.astype("f2"), MEANS.astype("f2")).dtype == np.float32


def test_without_margin_it_is_softmax_with_weights_mu():
    logits = X @ MEANS.T - (MEANS**2).sum(axis=1) / 2
    expected = -log_softmax(logits, axis=1)[np.arange(8), LABELS].mean()
    plain = loss(X, MEANS, alpha=0, weight=0)
    np.testing.assert_allclose(plain.classification, expected, rtol=1e-9)
    assert plain.total == plain.classification
    squared = squared_distances(X, MEANS)
    np.testing.assert_array_equal(log_likelihood(squared).argmax(1), squared.argmin(1))


def test_moved_turned_and_renamed_nothing_changes():
    turn = np.linalg.qr(RNG.normal(0, 1, (6, 6)))[0]
    order = RNG.permutation(5)
    total = loss(X, MEANS).total
    np.testing.assert_allclose(loss(X @ turn + 3, MEANS @ turn + 3).total, total, rtol=1e-9)
    squared = squared_distances(X, MEANS[order])
    renamed = np.argsort(order)[LABELS]
    found = large_margin_gaussian_mixture(squared, renamed, alpha=0.3, weight=0.1)
    np.testing.assert_allclose(found.total, total, rtol=1e-9)


def test_the_margin_touches_the_own_class_alone():
    squared, own = squared_distances(X, MEANS), np.eye(5, dtype=bool)[LABELS]
    changed = margin_logits(squared, LABELS, 0.5) / log_likelihood(squared)
    np.testing.assert_allclose(changed, np.where(own, 1.5, 1), rtol=1e-9)
    # At a mean there is no distance to stretch.
    at_means = loss(MEANS[LABELS], MEANS, alpha=2.0)
    assert at_means.likelihood == 0
    assert at_means.classification == loss(MEANS[LABELS], MEANS, alpha=0.0).classification


def test_each_likelihood():
    squared = squared_distances(X, MEANS)
    own = squared[np.arange(8), LABELS]
    entropy = loss(X, MEANS).classification
    for name, value in (("half", own / 2), ("class", own), ("all", squared)):
        total, classification, likelihood = loss(X, MEANS, likelihood=name)
        np.testing.assert_allclose(likelihood, 0.1 * value.mean(), rtol=1e-9)
        np.testing.assert_allclose((total, classification), (entropy + likelihood, entropy))
    with pytest.raises(InputError, match="likelihood 'none' given; allowed: half, class"):
        loss(X, MEANS, likelihood="none")


def test_the_likelihood_of_the_first_code_is_of_the_gradient_alone():
    choices = {"likelihood": "backward", "unscaled": squared_distances(X, MEANS)}

    def total(x, weight):
        given = choices | {"unscaled": squared_distances(x, MEANS)}
        return loss(x, MEANS, weight=weight, variances=VARIANCES, **given).total

    assert total(X, 0.1) == total(X, 0.0)
    added = jax.grad(total)(X, 0.1) - jax.grad(total)(X, 0.0)
    np.testing.assert_allclose(added, 0.1 / 8 * (X - MEANS[LABELS]), rtol=1e-7)


def test_extreme_features():
    far = loss((1e15 * X).astype("f4"), MEANS.astype("f4"))
    assert np.isfinite([*far]).all()
    one = large_margin_gaussian_mixture(
        squared_distances([[0.5]], [[0.0], [1.0]]), np.array([1]), alpha=0.0, weight=0.0
    )
    np.testing.assert_allclose(one.total, np.log(2))
    same = log_likelihood(squared_distances(X, np.ones((5, 6))))
    np.testing.assert_array_equal(same, np.repeat(same[:, :1], 5, axis=1))


def test_the_ramp():
    for step, share in ((0, 0), (10, 0.5), (20, 1), (90, 1)):
        expected = 0.3 * (0.1 + 0.9 * share), 0.1 * (0.01 + 0.99 * share)
        np.testing.assert_allclose(ramped(step, 20, alpha=0.3, weight=0.1), expected, rtol=1e-6)
    np.testing.assert_allclose(ramped(0, 0, alpha=0.3, weight=0.1), (0.3, 0.1))
