"""Sizes of the image classifiers by hand, and what a pyramid adds to them."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.nn.classifiers.resnext import ResNeXt
from jaxrepro.nn.classifiers.wide_resnet import WideResNet
from jaxrepro.papers.pyranet.classification.classifiers import (
    PyramidBranch,
    classifier_card,
    classifier_from_card,
    pyramid_of,
    with_equal_parameters,
)
from jaxrepro.papers.pyranet.network.pyramid import PyramidSettings
from jaxrepro.tasks.classification.networks import num_multiplications, num_parameters

PYRAMID = PyramidBranch(PyramidSettings(base_width=4, cardinality=4))
SMALL = PyramidBranch(PyramidSettings(base_width=4, cardinality=1))


def pyramid_by_hand(inputs, features, outputs):
    """1x1 and norm, four levels, norm and 1x1, for levels of a quarter of the features."""
    d = features // 4
    return inputs * d + d + 2 * d + 4 * (9 * d * d + d) + 2 * d + d * outputs + outputs


def wide_resnet_by_hand(depth, width, pyramid):
    total, inputs = 3 * 9 * 16, 16
    for features in (16 * width, 32 * width, 64 * width):
        for _ in range((depth - 4) // 6):
            total += 2 * inputs + 9 * inputs * features + 2 * features + 9 * features * features
            total += inputs * features if inputs != features else 0
            total += pyramid_by_hand(inputs, features, features) if pyramid else 0
            inputs = features
    return total + 2 * inputs + 10 * inputs + 10


def resnext_by_hand(depth, groups, group_width, pyramid):
    total, inputs = 3 * 9 * 64 + 2 * 64, 64
    for stage in range(3):
        features, inner = 256 * 2**stage, groups * group_width * 2**stage
        for _ in range((depth - 2) // 9):
            total += inputs * inner + 2 * inner + 9 * inner * (inner // groups) + 2 * inner
            total += inner * features + 2 * features
            total += inputs * features + 2 * features if inputs != features else 0
            total += pyramid_by_hand(inputs, features, features) if pyramid else 0
            inputs = features
    return total + 10 * inputs + 10


@pytest.mark.parametrize("pyramid", [None, PYRAMID], ids=["plain", "pyramids"])
def test_parameters_by_hand(pyramid):
    for depth, width in ((28, 10), (16, 2)):
        module = WideResNet(depth, width, beside=pyramid)
        assert num_parameters(module) == wide_resnet_by_hand(depth, width, pyramid)
    for depth, groups, group_width in ((29, 8, 64), (20, 2, 8)):
        module = ResNeXt(depth, groups, group_width, beside=pyramid)
        assert num_parameters(module) == resnext_by_hand(depth, groups, group_width, pyramid)


@pytest.mark.parametrize(
    "module", [WideResNet(10, 1, 4, beside=SMALL), ResNeXt(11, 2, 4, 4, beside=SMALL)]
)
def test_every_parameter_has_a_gradient(module):
    x = jnp.asarray(np.random.default_rng(0).standard_normal((4, 8, 8, 3)), jnp.float32)

    @jax.jit
    def gradients(x):
        rngs = {"params": jax.random.key(0), "pooling": jax.random.key(1)}
        variables = module.init(rngs, x, train=False)

        def loss(params):
            found, _ = module.apply(
                variables | {"params": params}, x, train=True, mutable=["batch_stats"], rngs=rngs
            )
            return jnp.sum(found.logits * jnp.arange(16.0).reshape(4, 4))

        return jax.grad(loss)(variables["params"])

    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients(x)):
        assert np.isfinite(gradient).all(), path
        assert np.any(gradient), path


def test_depths():
    x = jnp.zeros((1, 8, 8, 3))
    with pytest.raises(InputError, match=r"ResNet of depth 30: give 6 n \+ 4"):
        WideResNet(30).init(jax.random.key(0), x, train=False)
    with pytest.raises(InputError, match=r"ResNeXt of depth 28: give 9 n \+ 2"):
        ResNeXt(28).init(jax.random.key(0), x, train=False)


@pytest.mark.parametrize(
    "module", [WideResNet(16, 1, beside=PYRAMID), ResNeXt(11, 8, 64, beside=PYRAMID)]
)
def test_narrower_networks_with_equal_parameters(module):
    plain = module.clone(beside=None)
    narrow = with_equal_parameters(module)
    assert pyramid_of(narrow) == PYRAMID.pyramid
    ratio = num_parameters(narrow) / num_parameters(plain)
    assert 0.98 < ratio < 1.02
    assert num_parameters(module) > 1.1 * num_parameters(plain)


def test_pyramids_that_outweigh_a_network_cannot_be_made_equal():
    with pytest.raises(InputError, match="the closest has .* make the network wider"):
        with_equal_parameters(ResNeXt(11, 2, 2, beside=PYRAMID))


def test_multiplications_by_hand():
    """WRN-10-1 at 32 pixels; taps that meet the border's zeros are not counted."""

    def inside(side, stride):
        return sum(0 <= i * stride + k - 1 < side for i in range(side // stride) for k in range(3))

    total = inside(32, 1) ** 2 * 3 * 16
    for inputs, features, side, stride in ((16, 16, 32, 1), (16, 32, 32, 2), (32, 64, 16, 2)):
        half = side // stride
        total += inside(side, stride) ** 2 * inputs * features
        total += inside(half, 1) ** 2 * features**2
        total += half**2 * inputs * features if inputs != features else 0
    assert num_multiplications(WideResNet(10, 1), 32) == total + 64 * 10


def test_cards_make_the_same_network():
    for module in (WideResNet(10, 0.75, 4, beside=SMALL), ResNeXt(11, 2, 4, 4)):
        card = json.loads(json.dumps(classifier_card(module)))
        again = classifier_from_card(card)
        assert (type(again), classifier_card(again)) == (type(module), card)
    for change, text in (
        ({"name": "vgg"}, "is 'vgg'; classifiers are"),
        ({"depth": 10.5}, "has depth=10.5"),
        ({"pyramid": {"variant": "B"}}, "network resnext has pyramid="),
    ):
        with pytest.raises(InputError, match=text):
            classifier_from_card(card | change)
