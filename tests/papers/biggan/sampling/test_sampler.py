import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.measures.evaluators import generate
from jaxrepro.papers.biggan.network.truncation import truncated_latents
from jaxrepro.papers.biggan.sampling.sampler import Sampler
from tests.papers.biggan import tiny_biggan

LABELS = np.arange(30) % 3
TRUNCATED = {"mode": "resample", "threshold": 0.7}


@pytest.fixture(scope="module")
def generator():
    return tiny_biggan.trained()


@pytest.fixture(scope="module")
def sampler(generator):
    return Sampler(generator, 4, jax.devices()[:1])


@pytest.fixture(scope="module")
def many(sampler):
    return sampler.draw(LABELS, 5, **TRUNCATED)


def test_the_same_bits_on_eight_devices(generator, many):
    np.testing.assert_array_equal(Sampler(generator, 4).draw(LABELS, 5, **TRUNCATED), many)


def test_the_same_bits_whatever_is_drawn_beside(sampler, many):
    for start, num in ((0, 1), (3, 4), (17, 13), (29, 1)):
        labels = LABELS[start : start + num]
        images = sampler.draw(labels, 5, start=start, **TRUNCATED)
        np.testing.assert_array_equal(images, many[start : start + num])
    other = LABELS.copy()
    other[1::2] = 2
    np.testing.assert_array_equal(sampler.draw(other, 5, **TRUNCATED)[::2], many[::2])


def test_images_are_those_of_the_module(generator, sampler, many):
    key, index = jax.random.key(5), jnp.arange(30)
    z = truncated_latents("normal", "resample", key, index, 6, 0.7)
    apply = jax.jit(functools.partial(generator.module.apply, train=False))
    images = apply(generator.variables, z, LABELS)
    # Another batch size: floats beside the middle of two levels may be rounded the other way.
    np.testing.assert_allclose(many, (np.asarray(images) + 1) * 127.5, atol=0.51)
    assert many.std() > 10
    assert (sampler.draw(LABELS, 6, **TRUNCATED) != many).any(axis=(1, 2, 3)).all()


def test_without_truncation_they_are_those_of_training(generator, sampler):
    run = jax.jit(functools.partial(generate, generator.module, "normal"))
    images = run(generator.variables, jax.random.key(0), jnp.arange(30), LABELS)
    drawn = sampler.draw(LABELS, 0)
    np.testing.assert_allclose(drawn, np.asarray(images, float), atol=1)
    assert (drawn != images).mean() < 1e-3


def test_variables_can_be_given(generator, sampler, many):
    statistics = jax.tree.map(lambda x: 4 * x, generator.variables["batch_stats"])
    variables = {**generator.variables, "batch_stats": statistics}
    assert (sampler.draw(LABELS, 5, variables=variables, **TRUNCATED) != many).any()


def test_latents_and_class_vectors_give_the_same_images(sampler, many):
    images = sampler.synthesize(sampler.latents(30, 5, **TRUNCATED), sampler.embed(LABELS))
    np.testing.assert_allclose(images, many.astype(float), atol=1)
    assert (images != many).mean() < 1e-3


def test_numbers_out_of_range(generator, sampler):
    with pytest.raises(InputError, match="batch size 0 given"):
        Sampler(generator, 0)
    with pytest.raises(InputError, match="start -1 given"):
        sampler.draw(LABELS, 0, start=-1)
    with pytest.raises(InputError, match="without a truncation"):
        sampler.draw(LABELS, 0, mode="scaled")
