"""The two totals against golden values, where gradients flow, and the settings."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.nn.vgg.vgg16_features import random_features
from jaxrepro.papers.scfegan.training.objective import (
    Objective,
    adversarial_terms,
    discriminator_terms,
    penalty_norms,
    reconstruction_terms,
    total,
)
from tests.losses.golden_losses import GOLDEN, composed, maps, near

AS_PRINTED = Objective(region="strict", epsilon_in="g")
REAL, FAKE = jnp.asarray(GOLDEN["d_real"]), jnp.asarray(GOLDEN["d_fake"])
HOLE, TRUTH = jnp.asarray(GOLDEN["loss_mask"]), jnp.asarray(GOLDEN["loss_gt"])
RAW = jnp.asarray(GOLDEN["loss_gen"])


def golden_maps(images):
    """The golden maps of whichever images are asked for: truth, or raw and composed in turns."""
    if len(images) == 2:
        np.testing.assert_array_equal(images, TRUTH)
        return tuple(map(jnp.asarray, maps("gt")))
    np.testing.assert_array_equal(images[0::2], RAW)
    np.testing.assert_allclose(images[1::2], composed(), atol=1e-6)
    return tuple(
        jnp.stack([x, y], axis=1).reshape(4, *x.shape[1:])
        for x, y in zip(maps("gen"), maps("comp"), strict=True)
    )


def reconstruction(objective, maps_of=golden_maps):
    images = jnp.asarray(composed(), jnp.float32)
    return reconstruction_terms(objective, RAW, images, TRUTH, HOLE, maps_of)


def test_the_generators_total():
    terms = reconstruction(AS_PRINTED) | adversarial_terms(AS_PRINTED, FAKE, REAL)
    assert list(terms) == [
        *("pixel", "perceptual", "style_raw", "style_composed", "total_variation"),
        *("adversarial", "epsilon"),
    ]
    near(terms["pixel"], "loss_pixel_alpha6")
    near(terms["perceptual"] / 0.05, "loss_percept")
    near(terms["style_raw"] / 120, "loss_style_gen")
    near(terms["style_composed"] / 120, "loss_style_comp")
    near(terms["epsilon"] / 0.001, "loss_eps_mean_of_square")
    near(total(terms), "loss_G_total")


def test_the_discriminators_total():
    near_one = jnp.asarray(GOLDEN["gp_norm_per_image"])
    without = dataclasses.replace(AS_PRINTED, epsilon=0.0)
    near(total(discriminator_terms(without, REAL, FAKE, near_one, HOLE)), "loss_D_total")
    terms = discriminator_terms(Objective(), REAL, FAKE, near_one, HOLE)
    want = GOLDEN["loss_D_total"] + 0.001 * GOLDEN["loss_eps_mean_of_square"]
    np.testing.assert_allclose(total(terms), want, rtol=1e-5)
    hinge = dataclasses.replace(without, form="hinge", gradient_penalty=0.0)
    near(total(discriminator_terms(hinge, REAL, FAKE, None, HOLE)), "loss_d_hinge")


def test_scales_stand_beside_weights_and_weights_of_zero_leave_terms_out():
    plain = reconstruction(Objective())
    scaled = reconstruction(Objective(percept_scale=3.0, style_scale=0.5))
    for name, factor in (("perceptual", 3), ("style_raw", 0.5), ("style_composed", 0.5)):
        np.testing.assert_allclose(scaled[name], factor * plain[name], rtol=1e-6)

    def never(images):
        raise AssertionError("no feature network is needed")

    bare = reconstruction(Objective(perceptual=0.0, style=0.0, total_variation=0.0), never)
    assert list(bare) == ["pixel"]


def test_the_epsilon_term_stands_with_one_network():
    assert "epsilon" not in adversarial_terms(Objective(), FAKE)
    with pytest.raises(ValueError, match="needs the scores of true images"):
        adversarial_terms(AS_PRINTED, FAKE)
    with pytest.raises(ValueError, match="needs the norms"):
        discriminator_terms(Objective(), REAL, FAKE, None, HOLE)


def test_gradients_reach_the_generators_images_alone():
    network = random_features(width=2)
    small = slice(4, 12)

    def loss(raw, truth):
        hole = HOLE[:, small, small]
        images = raw * hole + truth * (1 - hole)
        maps_of = lambda x: network.maps(network.variables, x)  # noqa: E731
        terms = reconstruction_terms(
            Objective(hole_weight=0.0, total_variation=0.0), raw, images, truth, hole, maps_of
        )
        return total(terms) - terms["pixel"]

    arguments = RAW[:, small, small], TRUTH[:, small, small]
    by_raw, by_truth = jax.jit(jax.grad(loss, argnums=(0, 1)))(*arguments)
    # The raw image is compared outside the hole too.
    assert (np.abs(by_raw) > 0).mean() > 0.9
    # Through the composed image only, which is the truth outside the hole.
    inside = np.asarray(HOLE[:, small, small]) == 1
    assert not np.where(inside, by_truth, 0).any()
    assert np.abs(by_truth).max() > 0


def test_norms_are_taken_between_truth_and_composed_image():
    images = jnp.asarray(composed(), jnp.float32)
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(16, 16, 3)), jnp.float32)
    linear = lambda x: (x * weights).sum(-1)  # noqa: E731
    norms = penalty_norms(linear, TRUTH, images, HOLE, jax.random.key(0))
    want = np.sqrt((np.square(np.asarray(weights, np.float64)) * HOLE).sum((1, 2, 3))) / 256
    np.testing.assert_allclose(norms, want, rtol=1e-5)


def test_settings_are_read_and_checked():
    section = dataclasses.asdict(Objective(style=60.0, form="hinge"))
    settings = Settings({"loss": section})
    assert Objective.from_settings(settings.loss) == Objective(style=60.0, form="hinge")
    settings.check_all_read()
    for changed, words in (
        ({"style": -1.0}, "loss.style is -1.0; it must be at least 0"),
        ({"region": "hole"}, "loss.region is 'hole'; allowed: 'strict', 'dilated1', 'whole'"),
        ({"form": "wgan"}, "loss.form is 'wgan'; allowed: 'linear', 'hinge'"),
    ):
        with pytest.raises(InputError, match=words):
            Objective.from_settings(Settings({"loss": section | changed}).loss)
