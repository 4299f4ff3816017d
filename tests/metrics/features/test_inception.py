import pathlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.features.inception import PROTOCOLS, preprocess
from jaxrepro.metrics.features.inception_weights import inception_from_arrays
from tests.metrics.features.inception_arrays import drawn_arrays, drawn_images

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "inception.npz"


@pytest.mark.parametrize(
    ("protocol", "side"),
    [("fid2015", 32), ("fid2015", 64), ("torchvision-biggan", 64), ("torchvision", 32)],
)
def test_equals_the_published_networks(protocol, side):
    arrays = drawn_arrays(protocol)
    network = inception_from_arrays(arrays, protocol)
    given = jax.jit(network.apply)(network.variables, drawn_images(side))
    chex.assert_shape(given.features, (2, network.num_features))
    chex.assert_shape(given.logits, (2, network.num_classes))
    # Published scores of the 2015 graph leave the bias out; the last layer of its port does not.
    bias = arrays["fc.bias"] if protocol == "fid2015" else 0
    with np.load(GOLDEN) as golden:
        assert relative_error(given.logits + bias, golden[f"{protocol}/{side}/logits"]) < 2e-5
        if protocol != "torchvision":
            expected = golden[f"{protocol}/{side}/features"]
            assert relative_error(given.features, expected) < 2e-5


def relative_error(given, expected):
    assert given.shape == expected.shape
    return np.abs(given - expected).max() / np.sqrt(np.mean(np.square(expected)))


def test_golden_images_are_told_apart_by_far_more_than_the_error():
    with np.load(GOLDEN) as golden:
        for name in golden.files:
            assert relative_error(golden[name][:1], golden[name][1:]) > 0.1


def test_pixels_are_normalised_by_protocol():
    images = np.array([[[[0, 51, 255]]]], np.uint8)
    symmetric = preprocess(jnp.asarray(images), PROTOCOLS["fid2015"])
    chex.assert_shape(symmetric, (1, 299, 299, 3))
    np.testing.assert_allclose(symmetric[0, 7, 9], [-1, -0.6, 1], atol=1e-6)
    imagenet = preprocess(jnp.asarray(images), PROTOCOLS["torchvision-biggan"])
    expected = [-0.485 / 0.229, (0.2 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    np.testing.assert_allclose(imagenet[0, 7, 9], expected, rtol=1e-6)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_grey_image_is_its_channel_three_times(protocol):
    grey = jnp.asarray(drawn_images(32)[..., :1])
    thrice = jnp.repeat(grey, 3, axis=-1)
    chex.assert_trees_all_close(
        preprocess(grey, PROTOCOLS[protocol]), preprocess(thrice, PROTOCOLS[protocol]), atol=1e-6
    )


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 8, 8, 3), np.float32),
        np.zeros((1, 8, 8, 2), np.uint8),
        np.zeros((8, 8, 3), "u1"),
    ],
)
def test_images_of_another_form(images):
    with pytest.raises(InputError, match=r"must be uint8 \[B, H, W, C\] with C 1 or 3"):
        preprocess(jnp.asarray(images), PROTOCOLS["fid2015"])
