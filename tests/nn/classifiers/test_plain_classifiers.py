"""The small classifiers: their parameters by hand, their shortcuts, dropout in training alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.classifiers.dense_layers import DenseLayers
from jaxrepro.nn.classifiers.paired_convolutions import PairedConvolutions
from jaxrepro.nn.classifiers.residual import PlainShortcutBlock, ResNet
from jaxrepro.nn.classifiers.small_convolutions import SmallConvolutions
from jaxrepro.nn.classifiers.wide_resnet import WideBlock
from jaxrepro.tasks.classification.networks import num_parameters


def test_parameters_by_hand():
    # ResNet-20 of the article has 0.27 million; its shortcuts have none.
    stem, head = 3 * 9 * 16 + 32, 64 * 10 + 10
    groups = sum(
        first * 9 * width + 5 * width * 9 * width + 6 * 2 * width
        for first, width in ((16, 16), (16, 32), (32, 64))
    )
    assert num_parameters(ResNet(20)) == stem + groups + head == 269_722
    convolutions = sum(9 * a * b + 2 * b for a, b in ((3, 32), (32, 64), (64, 64)))
    assert num_parameters(SmallConvolutions()) == convolutions + head
    pairs = ((3, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128))
    # Each with a bias and a slope; 28 pixels end as 3 x 3 maps.
    paired = sum(25 * a * b + b + 1 for a, b in pairs) + (9 * 128 + 1) * 2 + (2 + 1) * 10
    assert num_parameters(PairedConvolutions(), 28) == paired
    layers = sum(a * b + b for a, b in ((192, 128), (128, 128), (128, 2), (2, 10)))
    assert num_parameters(DenseLayers(features=2), 8) == layers


def test_a_shortcut_takes_every_other_pixel_and_pads_channels():
    x = jax.random.uniform(jax.random.key(0), (1, 4, 4, 2))
    block = PlainShortcutBlock(4, 2)
    shapes = jax.eval_shape(lambda: block.init(jax.random.key(0), x, train=False))
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    out = block.apply(zeros, x, train=False)
    np.testing.assert_array_equal(out[..., 1:3], x[:, ::2, ::2])
    assert not out[..., [0, 3]].any()


@pytest.mark.parametrize("train", [False, True])
def test_dropout_is_of_training(train):
    block = WideBlock(4, dropout=0.5)
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 4))
    variables = block.init(jax.random.key(0), x, train=False)
    one, other = (
        block.apply(
            variables, x, train=train, rngs={"dropout": jax.random.key(k)}, mutable=["batch_stats"]
        )[0]
        for k in (1, 2)
    )
    assert np.array_equal(one, other) != train
