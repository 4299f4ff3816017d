import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.network.coarse_to_fine import CoarseToFine
from jaxrepro.papers.scfegan.network.discriminator import Discriminator
from jaxrepro.papers.scfegan.network.generator import Generator, dilations_for
from jaxrepro.papers.scfegan.network.networks import (
    PRESETS,
    discriminator_sizes,
    generator_card,
    generator_from_card,
    generator_sizes,
    networks_from_settings,
)

MODEL = {
    "architecture": "unet",
    "width": 2,
    "deconvolution_gate": "separate",
    "norm": "pixel",
    "remat": False,
    "dtype": "float32",
    "discriminator_width": 3,
    "discriminator_last_activation": False,
}


def num_parameters(variables):
    return sum(math.prod(x.shape) for x in jax.tree.leaves(variables))


def shapes_of(module, size, channels=9, **kwargs):
    x = jnp.zeros((1, size, size, channels))
    return jax.eval_shape(lambda: module.init_with_output(jax.random.key(0), x, **kwargs))


# The preset 512 is the published network; what the separate gates add are their kernels.
@pytest.mark.parametrize(
    ("gate", "number"),
    [
        ("self", 92_886_100),
        ("shared_kernel", 92_886_100),
        ("separate", 92_886_100 + 23_966_400),
    ],
)
def test_parameters_at_full_width(gate, number):
    preset = PRESETS["512"]
    module = Generator(preset.width, deconvolution_gate=gate, **generator_sizes(preset.resolution))
    y, variables = shapes_of(module, 512)
    assert y.shape == (1, 512, 512, 3)
    assert num_parameters(variables) == number


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_a_bottleneck_of_4_and_8_by_8_scores(name):
    preset = PRESETS[name]
    module = Generator(preset.width, **generator_sizes(preset.resolution))
    assert preset.resolution == 4 * 2**module.halvings
    y, _ = shapes_of(module, preset.resolution)
    assert y.shape == (1, preset.resolution, preset.resolution, 3)
    judge = Discriminator(preset.discriminator_width, **discriminator_sizes(preset.resolution))
    scores, variables = shapes_of(judge, preset.resolution, 8, train=False)
    assert scores.shape == (1, 8, 8, 4 * preset.discriminator_width)
    if name == "512":
        assert num_parameters(variables["params"]) == pytest.approx(2.14e6, rel=3e-3)


def test_dilations_follow_the_size_of_the_bottleneck():
    assert dilations_for(1) == (1, 1, 1, 1)
    assert dilations_for(4) == (1, 2, 1, 2)
    assert dilations_for(8) == (1, 2, 4, 1)
    assert dilations_for(16) == (1, 2, 4, 8)
    assert dilations_for(32) == dilations_for(64) == (2, 4, 8, 16)
    assert generator_sizes(1024) == {"halvings": 7, "dilations": (1, 2, 4, 1)}
    for resolution in (0, -8, 16, 96, 500, 700):
        with pytest.raises(InputError, match=f"resolution={resolution}: choose 32, 64"):
            generator_sizes(resolution)


def test_every_parameter_learns_and_pictures_stay_in_range():
    module = Generator(2, **generator_sizes(32))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 32, 32, 9)), jnp.float32)

    def run(key):
        variables = module.init(key, x)

        def loss(variables):
            y = module.apply(variables, x)
            return jnp.sum(jnp.sin(y)), y

        return jax.value_and_grad(loss, has_aux=True)(variables)

    (_, y), gradients = jax.jit(run)(jax.random.key(0))
    assert y.shape == (2, 32, 32, 3) and y.dtype == jnp.float32
    assert 0.05 < np.abs(y).max() < 1
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients):
        assert np.isfinite(gradient).all() and (gradient != 0).any(), path


def test_remat_and_bfloat16_compute_the_same():
    x = jax.random.normal(jax.random.key(1), (1, 32, 32, 9))

    @jax.jit
    def run(key):
        plain, remat, low = (
            Generator(2, **fields, **generator_sizes(32))
            for fields in ({}, {"remat": True}, {"dtype": jnp.bfloat16})
        )
        variables = plain.init(key, x)
        return [module.apply(variables, x) for module in (plain, remat, low)]

    want, remat, low = run(jax.random.key(0))
    np.testing.assert_allclose(remat, want, atol=1e-5)
    assert low.dtype == jnp.float32 and (low != want).any()
    np.testing.assert_allclose(low, want, atol=0.05)


def test_the_discriminator_normalises_and_stores_only_in_training():
    module = Discriminator(2, **discriminator_sizes(32))
    x = jax.random.normal(jax.random.key(1), (2, 32, 32, 8))

    @jax.jit
    def run(key):
        variables = module.init(key, x, train=False)

        def scores(factor, train):
            params = {
                name: {"kernel": factor * layer["kernel"], "bias": layer["bias"] + 1}
                for name, layer in variables["params"].items()
            }
            given = {**variables, "params": params}
            return module.apply(given, x, train=train, mutable=["spectral"])

        return variables["spectral"], scores(1, False), scores(7, True)

    before, (scores, kept), (trained, after) = run(jax.random.key(0))
    # A kernel's size does not matter; training or not is the same function.
    np.testing.assert_allclose(scores, trained, atol=1e-4)
    after = after["spectral"]
    if "spectral" in kept:
        np.testing.assert_array_equal(kept["spectral"]["layer_1"]["u"], before["layer_1"]["u"])
    assert (np.asarray(scores) < 0).any() and (np.asarray(scores) > 0).any()
    for name in before:
        assert np.abs(before[name]["u"] - after[name]["u"]).max() > 1e-3
        np.testing.assert_allclose(np.linalg.norm(after[name]["u"]), 1, rtol=1e-5)
    bent = Discriminator(2, last_activation=True, **discriminator_sizes(32))
    bent_x = jnp.zeros((1, 8, 8, 8))
    variables = bent.init(jax.random.key(0), bent_x, train=False)
    params = variables["params"]
    params["layer_3"]["bias"] = params["layer_3"]["bias"] - 10.0
    np.testing.assert_allclose(bent.apply(variables, bent_x, train=False), -2)


def test_a_config_makes_both_networks_and_a_card_the_generator_again():
    settings = Settings(ConfigDict(MODEL))
    generator, discriminator = networks_from_settings(settings, resolution=64)
    settings.check_all_read()
    assert (generator.width, generator.halvings, generator.norm) == (2, 4, "pixel")
    assert (discriminator.width, discriminator.layers) == (3, 3)
    card = generator_card(generator)
    assert generator_from_card(card) == generator
    for name, value, message in (
        ("deconvolution_gate", "no", "deconvolution_gate is 'no'; allowed: 'self'"),
        ("norm", "batch", "norm is 'batch'; allowed"),
        ("width", 0, "width is 0"),
    ):
        with pytest.raises(InputError, match=message):
            networks_from_settings(Settings(ConfigDict(MODEL | {name: value})), resolution=64)
    for name, value in (
        ("architecture", "vae"),
        ("width", 0),
        ("width", True),
        ("halvings", 9),
        ("dilations", []),
        ("dilations", [0]),
        ("deconvolution_gate", ["self"]),
        ("norm", None),
    ):
        with pytest.raises(InputError, match=f"generator has {name}="):
            generator_from_card(card | {name: value})
    for strange, message in (
        (None, "generator has architecture=None; this paper has unet, coarse_to_fine"),
        ({}, "generator has architecture=None"),
        ({"architecture": "unet"}, "generator has width=None"),
        (card | {"more": 1}, "generator has 'more'; there is no such setting"),
    ):
        with pytest.raises(InputError, match=message):
            generator_from_card(strange)


def test_the_second_network_sees_the_hole_filled_by_the_first():
    fields = {"width": 2, **generator_sizes(32)}
    both, one = CoarseToFine(**fields), Generator(**fields)
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 9)).astype(np.float32)
    x[..., 7] = np.arange(32) < 12

    @jax.jit
    def run(key):
        variables = both.init(key, x)
        coarse, fine = both.apply(variables, x, method="stages")
        first, second = ({"params": variables["params"][n]} for n in ("coarse", "fine"))
        filled = jnp.concatenate([coarse[:, :, :12], x[:, :, 12:, :3]], axis=2)
        alone = one.apply(first, x)
        return (
            variables,
            coarse,
            alone,
            fine,
            one.apply(second, jnp.concatenate([filled, x[..., 3:]], axis=-1)),
        )

    variables, coarse, alone, fine, want = run(jax.random.key(0))
    np.testing.assert_allclose(coarse, alone, atol=1e-6)
    np.testing.assert_allclose(fine, want, atol=1e-5)
    single = jax.eval_shape(lambda: one.init(jax.random.key(0), x))
    assert num_parameters(variables) == 2 * num_parameters(single)
    card = generator_card(both)
    assert card["architecture"] == "coarse_to_fine" and generator_from_card(card) == both
    assert type(generator_from_card(card | {"architecture": "unet"})) is Generator
