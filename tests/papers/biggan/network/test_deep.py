import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.deep import (
    DeepDiscriminator,
    DeepGenerator,
    deep_discriminator_sides,
    deep_discriminator_widths,
    deep_generator_widths,
)

MUTABLE = ("batch_stats", "spectral")
LABELS = jnp.asarray([0, 3, 1, 3], jnp.int32)


def variable_shapes(module, *inputs):
    return jax.eval_shape(lambda key: module.init(key, *inputs, train=False), jax.random.key(0))


@functools.partial(jax.jit, static_argnums=0)
def initialised(module, key, *inputs):
    return module.init(key, *inputs, train=False)


@functools.partial(jax.jit, static_argnums=0, static_argnames=("train", "mutable", "method"))
def applied(module, variables, *inputs, train=False, mutable=False, method=None):
    """Runs a network as one program: op by op every operation would be compiled alone."""
    return module.apply(variables, *inputs, train=train, mutable=mutable, method=method)


def num_params(module, *inputs):
    shapes = variable_shapes(module, *inputs)
    return sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))


# The counts of the author's code and, at 512 pixels and with 128 outputs, of the published
# TensorFlow generators.
@pytest.mark.parametrize(
    ("resolution", "output_channels", "count"),
    [
        (128, None, 50_244_484),
        (128, 128, 50_388_609),
        (256, None, 55_736_708),
        (256, 128, 55_880_833),
        (512, 128, 56_163_905),
    ],
)
def test_generator_parameters(resolution, output_channels, count):
    module = DeepGenerator(resolution, 128, 128, 1000, output_channels=output_channels)
    assert num_params(module, jnp.zeros((2, 128)), LABELS[:2]) == count


@pytest.mark.parametrize(("resolution", "count"), [(128, 34_590_210), (256, 38_247_426)])
def test_discriminator_parameters(resolution, count):
    module = DeepDiscriminator(resolution, 128, 1000)
    images = jnp.zeros((2, resolution, resolution, 3))
    assert num_params(module, images, LABELS[:2]) == count


def test_widths_and_sides():
    assert deep_generator_widths(128, 2) == (16, 16, 16, 8, 8, 4, 4, 2, 2, 1)
    assert deep_generator_widths(512, 2) == (16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1, 1, 1)
    assert deep_generator_widths(64, 3) == (16, 16, 16, 16, 16, 8, 8, 8, 4, 4, 4, 2)
    assert deep_discriminator_widths(128, 2) == (2, 2, 4, 4, 8, 8, 16, 16, 16, 16)
    assert deep_discriminator_widths(512, 1) == (1, 2, 4, 8, 8, 16, 16)
    assert deep_discriminator_sides(256) == (128, 64, 32, 16, 8, 4)
    assert deep_discriminator_sides(32) == (16, 8, 8)


@pytest.mark.parametrize("resolution", [128, 256, 512])
def test_published_networks_attend_to_64_pixels(resolution):
    g = DeepGenerator(resolution, 8, 6, 4)
    d = DeepDiscriminator(resolution, 8, 4)
    images = jnp.zeros((2, resolution, resolution, 3))
    g_params = variable_shapes(g, jnp.zeros((2, 6)), LABELS[:2])["params"]
    d_params = variable_shapes(d, images, LABELS[:2])["params"]
    assert [name for name in g_params if name.startswith("attentions")] == ["attentions_64"]
    (name,) = (name for name in d_params if name.startswith("attentions"))
    stage = int(name.removeprefix("attentions_"))
    assert resolution // 2 ** (stage + 1) == 64


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DeepGenerator(100, 8, 6, 10), "resolution=100: choose one of 16, 32, 64"),
        (lambda: DeepGenerator(32, 8, 6, 10), "generator has no map of side 64.*8, 16, 32"),
        (lambda: DeepGenerator(128, 3, 6, 10), "attention at 64 of the generator .* has 6"),
        (lambda: DeepGenerator(128, 1, 6, 10, attention=()), "narrowest block has 2 .* raise ch"),
        (lambda: DeepGenerator(128, 8, 6, 10, depth=0), "depth=0: choose 1 block or more"),
        (lambda: DeepGenerator(128, 8, 6, 10, shared_dim=0), "shared_dim=0: BigGAN-deep has"),
        (lambda: DeepGenerator(128, 8, 6, 10, output_channels=2), "=2 are fewer than the 3"),
        (lambda: DeepGenerator(128, 8, 6, 10, kernel_init="zeros"), "kernel_init='zeros'"),
        (lambda: DeepDiscriminator(48, 8, 10), "resolution=48"),
        # The input convolution's map has no attention after it.
        (lambda: DeepDiscriminator(128, 8, 10, attention=(128,)), "no map of side 128; .* 32, 64"),
        (lambda: DeepDiscriminator(128, 1, 10, attention=()), "discriminator's narrowest block"),
        (lambda: DeepDiscriminator(128, 8, 10, depth=-1), "depth=-1"),
    ],
)
def test_wrong_settings_are_explained(make, message):
    with pytest.raises(InputError, match=message):
        make()


def tiny_generator(**changes):
    settings = {"shared_dim": 5, "attention": (), "channels": 1, "depth": 1}
    return DeepGenerator(16, 4, 3, 4, **(settings | changes))


def test_only_the_first_outputs_of_the_last_convolution_are_seen():
    whole, part = tiny_generator(channels=4), tiny_generator(channels=1, output_channels=4)
    z = jax.random.normal(jax.random.key(7), (4, 3))
    variables = initialised(whole, jax.random.key(0), z, LABELS)
    assert variables["params"]["output_conv"]["kernel"].shape[-1] == 4
    images = applied(whole, variables, z, LABELS, train=False)
    np.testing.assert_array_equal(applied(part, variables, z, LABELS, train=False), images[..., :1])


def test_class_vectors_and_z_enter_everywhere_in_this_order():
    g = tiny_generator()
    z = jax.random.normal(jax.random.key(7), (4, 3))
    variables = initialised(g, jax.random.key(0), z, LABELS)
    assert variables["params"]["first"]["kernel"].shape[0] == 5 + 3
    vectors = g.apply(variables, LABELS, method="embed")
    images = applied(g, variables, z, LABELS, train=False)
    synthesized = applied(g, variables, z, vectors, train=False, method="synthesize")
    np.testing.assert_array_equal(synthesized, images)

    def without(rows):
        """Images of another z where these rows of all maps of the condition are zero."""
        params = jax.tree_util.tree_map_with_path(
            lambda path, leaf: (
                leaf.at[rows].set(0)
                if leaf.ndim == 2 and leaf.shape[0] == 8 and "kernel" in str(path)
                else leaf
            ),
            variables["params"],
        )
        first, second = (
            applied(g, variables | {"params": params}, z, vectors, train=False, method="synthesize")
            for z, vectors in ((z, vectors), (z + 1, vectors))
        )
        return float(jnp.abs(first - second).max())

    assert without(slice(5, None)) == 0
    assert without(slice(0, 5)) > 1e-3


def test_low_precision():
    """bfloat16 computation gives float32 images, logits and state near those of float32."""
    g, low = tiny_generator(), tiny_generator(dtype=jnp.bfloat16)
    z = jax.random.normal(jax.random.key(7), (4, 3))
    variables = initialised(g, jax.random.key(0), z, LABELS)
    images = applied(g, variables, z, LABELS, train=False)
    low_images, new = applied(low, variables, z, LABELS, train=True, mutable=MUTABLE)
    assert low_images.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(new)} == {jnp.dtype("float32")}
    difference = jnp.abs(images - applied(low, variables, z, LABELS, train=False))
    assert 0 < float(difference.mean()) < 0.03
    d = DeepDiscriminator(16, 4, 4, channels=1, attention=(), depth=1, dtype=jnp.bfloat16)
    d_variables = initialised(d, jax.random.key(1), images, LABELS)
    assert applied(d, d_variables, images, LABELS, train=False).dtype == jnp.float32
