"""Cross entropy with several labels: that of their weighted target."""

import jax
import numpy as np
from scipy.special import log_softmax

from jaxrepro.losses.mixed_labels import mixed_agreement, mixed_cross_entropy

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (6, 5)).astype(np.float32)
LABELS = RNG.integers(0, 5, (4, 6))


def test_it_is_the_cross_entropy_of_the_mean_target():
    by_example = RNG.dirichlet(np.ones(4), 6).T.astype(np.float32)
    for shares in (by_example[:, 0], by_example):
        columns = shares if shares.ndim > 1 else np.repeat(shares[:, None], 6, axis=1)
        target = np.einsum("pb,pbk->bk", columns, np.eye(5)[LABELS])
        expected = -(target * log_softmax(LOGITS.astype(np.float64), axis=1)).sum(1).mean()
        found = mixed_cross_entropy(LOGITS, LABELS, shares)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        hits = target[np.arange(6), LOGITS.argmax(1)].mean()
        np.testing.assert_allclose(mixed_agreement(LOGITS, LABELS, shares), hits, rtol=1e-6)


def test_the_label_of_an_empty_patch_has_no_gradient():
    shares = np.array([0.25, 0.75, 0, 0], np.float32)
    gradient = jax.grad(mixed_cross_entropy)(LOGITS, LABELS, shares)
    other = LABELS.copy()
    other[2:] = (other[2:] + 1) % 5
    np.testing.assert_array_equal(jax.grad(mixed_cross_entropy)(LOGITS, other, shares), gradient)


def test_classes_may_be_renamed():
    order = RNG.permutation(5)
    shares = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    renamed = mixed_cross_entropy(LOGITS[:, order], np.argsort(order)[LABELS], shares)
    np.testing.assert_allclose(renamed, mixed_cross_entropy(LOGITS, LABELS, shares), rtol=1e-6)
