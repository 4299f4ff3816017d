import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.nn.blocks.attention import SelfAttention
from jaxrepro.nn.norms.spectral_norm import SpectralConv, power_iteration
from tests import runs


def make(channels=16):
    x = jax.random.normal(jax.random.key(0), (2, 4, 6, channels))
    conv = functools.partial(SpectralConv, kernel_size=1, use_bias=False)
    module = SelfAttention(conv)
    return module, runs.initialised(module, jax.random.key(1), x, train=False), x


def test_starts_as_the_identity():
    module, variables, x = make()
    np.testing.assert_array_equal(module.apply(variables, x, train=False), x)
    sizes = {name: leaf.shape for name, leaf in variables["params"].items() if name == "gamma"}
    assert sizes == {"gamma": ()}


def test_by_hand():
    module, variables, x = make()
    params = variables["params"] | {"gamma": jnp.asarray(0.7)}
    y = module.apply(variables | {"params": params}, x, train=False)

    def point_conv(name, x):
        kernel = params[name]["kernel"][0, 0]
        sigma, _ = power_iteration(kernel, variables["spectral"][name]["u"], 1e-6)
        return np.asarray(x @ (kernel / sigma))

    def pooled(x):
        return x.reshape(2, 2, 2, 3, 2, -1).max(axis=(2, 4)).reshape(2, 6, -1)

    theta = point_conv("theta", x).reshape(2, 24, 2)
    phi, g = pooled(point_conv("phi", x)), pooled(point_conv("g", x))
    assert g.shape == (2, 6, 8)
    weights = np.exp(theta @ phi.transpose(0, 2, 1))
    weights /= weights.sum(axis=-1, keepdims=True)
    attended = point_conv("o", (weights @ g).reshape(2, 4, 6, 8))
    np.testing.assert_allclose(y, x + 0.7 * attended, atol=1e-5)
