"""The skips of the bottleneck blocks, by blocks whose convolutions add nothing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.blocks.bottleneck import BottleneckDownBlock, BottleneckUpBlock
from jaxrepro.nn.norms.cond_norm import ConditionalBatchNormRelu, PlainLinear
from jaxrepro.nn.norms.spectral_norm import SpectralConv
from tests import runs


def without_last_convolution(variables):
    """Returns the variables with which the residual branch is zero."""
    params = dict(variables["params"])
    params["conv_4"] = jax.tree.map(jnp.zeros_like, params["conv_4"])
    # A zero kernel has no singular vector to be divided by.
    params["conv_4"]["kernel"] = params["conv_4"]["kernel"].at[0, 0, 0, -1].set(1.0)
    return variables | {"params": params}


@pytest.mark.parametrize("upsample", [False, True])
@pytest.mark.parametrize("features", [8, 5])
def test_the_generators_skip_keeps_the_first_channels(features, upsample):
    init = jax.nn.initializers.normal()
    norm = functools.partial(
        ConditionalBatchNormRelu, linear=functools.partial(PlainLinear, kernel_init=init)
    )
    block = BottleneckUpBlock(features, conv=SpectralConv, norm=norm, upsample=upsample)
    x = jax.random.normal(jax.random.key(1), (2, 4, 6, 8))
    condition = jnp.ones((2, 3))
    variables = runs.initialised(block, jax.random.key(0), x, condition, train=False)
    assert variables["params"].keys() == {
        *(f"conv_{i}" for i in (1, 2, 3, 4)),
        *(f"norm_{i}" for i in (1, 2, 3, 4)),
    }
    y = block.apply(without_last_convolution(variables), x, condition, train=False)
    times = 2 if upsample else 1
    desired = np.asarray(x).repeat(times, 1).repeat(times, 2)[..., :features]
    assert y.shape == desired.shape
    # All but the last channel, which the one entry of the convolution reaches.
    np.testing.assert_allclose(y[..., :-1], desired[..., :-1], atol=1e-6)


@pytest.mark.parametrize("downsample", [False, True])
@pytest.mark.parametrize("features", [4, 9])
def test_the_discriminators_skip_keeps_all_channels_and_adds_new_ones(features, downsample):
    block = BottleneckDownBlock(features, conv=SpectralConv, downsample=downsample)
    x = jax.random.normal(jax.random.key(1), (2, 4, 6, 4))
    variables = runs.initialised(block, jax.random.key(0), x, train=False)
    y = block.apply(without_last_convolution(variables), x, train=False)
    pooled = np.asarray(x)
    if downsample:
        pooled = pooled.reshape(2, 2, 2, 3, 2, 4).mean((2, 4))
    assert y.shape == (*pooled.shape[:3], features)
    num_kept = min(4, features - 1)
    np.testing.assert_allclose(y[..., :num_kept], pooled[..., :num_kept], atol=1e-6)
    if features == 4:
        assert "shortcut" not in variables["params"]
        return
    kernel = np.asarray(variables["params"]["shortcut"]["kernel"])[0, 0]
    assert kernel.shape == (4, 5)
    # Orthonormal rows: every singular value is 1, and so is what the kernel is divided by.
    np.testing.assert_allclose(y[..., 4:-1], (pooled @ kernel)[..., :-1], atol=1e-5)
