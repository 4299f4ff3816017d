"""Mixup, cutout and random erasing: what they change and what they leave."""

import jax
import numpy as np

from jaxrepro.augment.holes import cutout, random_erasing
from jaxrepro.augment.mixed import mixup, unmixed

IMAGES = np.random.default_rng(0).integers(0, 256, (64, 8, 10, 3)).astype(np.uint8)
LABELS = np.arange(64)


def test_mixup_is_a_weighted_mean_of_two_images():
    images, labels, shares = jax.jit(mixup)(jax.random.key(0), IMAGES, LABELS)
    np.testing.assert_allclose(shares.sum(), 1, rtol=1e-6)
    np.testing.assert_array_equal(labels[0], LABELS)
    expected = shares[0] * IMAGES[labels[0]] + shares[1] * IMAGES[labels[1]]
    np.testing.assert_allclose(images, expected, rtol=1e-5)
    assert sorted(np.asarray(labels[1])) == list(LABELS)


def test_an_unmixed_batch_has_one_label():
    images, labels, shares = unmixed(IMAGES, LABELS)
    assert images is IMAGES
    assert labels.shape == (1, 64)
    assert shares.tolist() == [1]


def test_cutout_fills_squares_with_the_mean():
    out = np.asarray(jax.jit(cutout, static_argnums=2)(jax.random.key(0), IMAGES, 4))
    assert out.dtype == np.uint8
    changed = (out == np.round(IMAGES.astype(np.float32).mean((0, 1, 2)))).all(-1)
    tall, wide = changed.any(2).sum(1), changed.any(1).sum(1)
    # A square of 4 reaches outside by 2 at most.
    assert tall.max() == wide.max() == 4
    assert tall.min() == wide.min() == 2
    np.testing.assert_array_equal(changed.sum((1, 2)), tall * wide)
    np.testing.assert_array_equal(out[~changed], IMAGES[~changed])


def test_erasing_puts_noise_into_half_of_the_images():
    black = np.zeros((400, 32, 32, 1), np.uint8)
    out = np.asarray(jax.jit(random_erasing)(jax.random.key(0), black))[..., 0]
    erased = out.any((1, 2))
    assert abs(erased.mean() - 0.5) < 0.1
    areas = (out[erased] > 0).mean((1, 2)) * 256 / 255
    assert 0.015 < areas.min() < 0.05
    assert 0.35 < areas.max() < 0.42
    assert 110 < out[out > 0].mean() < 146
