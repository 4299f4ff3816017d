"""VGG-16 as a feature network: means of maps under a name that can be reported."""

import jax
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.features.vgg_network import VggNetwork
from jaxrepro.metrics.result_names import result_name
from jaxrepro.nn.vgg.vgg16_features import random_features


def test_features_are_means_of_the_maps():
    features = random_features(0, width=2)
    network = VggNetwork(features)
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 8, 3)).astype(np.uint8)

    def both(variables, images):
        return network.apply(variables, images), features.maps(variables, images / 127.5 - 1)

    (got, logits), maps = jax.jit(both)(network.variables, images)
    want = np.concatenate([np.asarray(x, np.float64).mean((1, 2)) for x in maps], axis=1)
    np.testing.assert_allclose(got, want, rtol=1e-5)
    assert got.shape == (2, network.num_features) and logits.shape == (2, network.num_classes)


def test_the_name_says_that_weights_are_random():
    name = VggNetwork(random_features(3)).name
    assert result_name("frechet", 29, name) == "frechet@29:random-vgg16-seed-3-means"
    assert VggNetwork(random_features(3)).num_features == 448


@pytest.mark.parametrize("shape", [(1, 16, 16, 1), (1, 4, 16, 3), (16, 16, 3)])
def test_images_of_another_form(shape):
    network = VggNetwork(random_features(0, width=1))
    with pytest.raises(InputError, match="VGG-16 takes"):
        network.apply(network.variables, np.zeros(shape, np.uint8))
