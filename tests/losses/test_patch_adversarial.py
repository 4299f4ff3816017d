"""Adversarial losses against golden values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.losses import patch_adversarial as adversarial
from tests.losses.golden_losses import GOLDEN, near

REAL, FAKE = jnp.asarray(GOLDEN["d_real"]), jnp.asarray(GOLDEN["d_fake"])


def test_golden_values():
    near(adversarial.generator_loss(FAKE), "loss_g_adv")
    for form in ("linear", "hinge"):
        near(adversarial.DISCRIMINATOR_LOSSES[form](REAL, FAKE), f"loss_d_{form}")
    for form in ("mean_of_square", "square_of_mean"):
        near(adversarial.DRIFT_FORMS[form](REAL), f"loss_eps_{form}")


@pytest.mark.parametrize("form", ["linear", "hinge"])
def test_the_discriminator_pushes_real_up_and_fake_down(form):
    loss = adversarial.DISCRIMINATOR_LOSSES[form]
    real, fake = jax.grad(loss, argnums=(0, 1))(jnp.zeros(4), jnp.zeros(4))
    assert (real < 0).all() and (fake > 0).all()
    np.testing.assert_allclose(real, -fake)


def test_sums_of_bfloat16_scores_are_float32():
    # A mean of 512 scores of 1 is right only if it is not summed in bfloat16.
    assert adversarial.mean_of_square(jnp.ones(512, jnp.bfloat16)) == 1
    assert adversarial.linear_discriminator_loss(REAL, FAKE).dtype == jnp.float32
