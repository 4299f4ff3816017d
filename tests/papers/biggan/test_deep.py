import jax
import jax.numpy as jnp
import pytest

from jaxrepro.papers.biggan.deep import (
    DeepDiscriminator,
    DeepGenerator,
)

LABELS = jnp.asarray([0, 3, 1, 3], jnp.int32)


def variable_shapes(module, *inputs):
    return jax.eval_shape(lambda key: module.init(key, *inputs, train=False), jax.random.key(0))


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
