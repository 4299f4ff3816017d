"""The gradient penalty inside the hole against golden values and a discriminator by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.losses.gradient_penalty import gradient_norms, gradient_penalty, mix, norms_inside
from tests.losses.golden_losses import GOLDEN, near

HOLE = np.zeros((3, 4, 4, 1), np.uint8)
HOLE[0, :2] = 1
HOLE[1, 0, 0] = 1  # The third image has none.
IMAGES = np.random.default_rng(0).normal(size=(3, 4, 4, 2)).astype(np.float32)


def squares(strength, images):
    """Scores [3, 4, 4, 2] whose mean over the map has the gradient strength * x / 16."""
    return strength / 2 * jnp.square(images) * 2


def by_hand(strength):
    gradient = strength * 2 * IMAGES.astype(np.float64) / 32
    norms = np.sqrt((gradient**2 * HOLE).sum((1, 2, 3)))
    return norms, ((norms[:2] - 1) ** 2).mean()


def test_golden_values():
    hole = jnp.asarray(GOLDEN["loss_mask"])
    norms = norms_inside(jnp.asarray(GOLDEN["gp_grad"]), hole)
    near(norms, "gp_norm_per_image")
    near(gradient_penalty(norms, hole), "loss_gp")


def test_norms_are_of_the_mean_score_in_the_hole_and_empty_holes_do_not_count():
    def penalty(strength):
        norms = gradient_norms(lambda x: squares(strength, x), jnp.asarray(IMAGES), HOLE)
        return gradient_penalty(norms, HOLE), norms

    (value, norms), slope = jax.jit(jax.value_and_grad(penalty, has_aux=True))(3.0)
    want_norms, want = by_hand(3.0)
    np.testing.assert_allclose(norms, want_norms, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(value, want, rtol=1e-5)
    # The gradient of second order, by differences.
    differences = (by_hand(3.01)[1] - by_hand(2.99)[1]) / 0.02
    np.testing.assert_allclose(slope, differences, rtol=1e-4)


@pytest.mark.parametrize("bound", [0.0, 1.0])
def test_a_batch_without_holes_costs_nothing(bound):
    norms = jnp.full(3, bound)
    assert gradient_penalty(norms, jnp.zeros_like(HOLE)) == 0


def test_a_flat_discriminator_has_finite_gradients():
    def penalty(strength):
        norms = gradient_norms(lambda x: squares(strength, x), jnp.asarray(IMAGES), HOLE)
        return gradient_penalty(norms, HOLE)

    assert np.isfinite(jax.jit(jax.grad(penalty))(0.0))


def test_mixtures_lie_on_the_segment_with_one_share_an_image():
    real, fake = jnp.zeros((512, 1, 2, 1)), jnp.ones((512, 1, 2, 1))
    share = np.asarray(mix(real, fake, jax.random.key(0)))[:, 0, :, 0]
    np.testing.assert_array_equal(share[:, 0], share[:, 1])
    assert share.min() >= 0 and share.max() < 1
    # Uniform: a normal weight would have half of the shares outside, a beta other quartiles.
    np.testing.assert_allclose(np.quantile(share, (0.25, 0.5, 0.75)), (0.25, 0.5, 0.75), atol=0.06)
