"""Self-attention over the pixels of a map, in the form that SAGAN's code uses."""

from collections.abc import Callable

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.forms.operations import operations


class SelfAttention(nn.Module):
    """x + gamma * o(softmax(theta(x) phi(x)^T) g(x)), gamma a learned scalar that starts at 0.

    theta and phi map to C / 8 channels, g to C / 2 and o back to C, all 1x1 convolutions
    without bias made by `conv(features, name=...)`; phi and g are max-pooled to a quarter of
    the pixels. The logits are not divided by the root of their dimension. (SAGAN,
    arXiv 1805.08318, as its code and BigGAN's do it.)
    """

    conv: Callable[..., nn.Module]

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, H, W, C] from x [B, H, W, C]; H and W even, C at least 8."""
        chex.assert_rank(x, 4)
        batch, height, width, channels = x.shape
        theta = self.conv(channels // 8, name="theta")(x, train=train)
        phi = operations().max_pool(self.conv(channels // 8, name="phi")(x, train=train))
        g = operations().max_pool(self.conv(channels // 2, name="g")(x, train=train))
        theta, phi, g = (t.reshape(batch, -1, t.shape[-1]) for t in (theta, phi, g))
        attended = operations().attend(theta, phi, g)
        attended = attended.reshape(batch, height, width, channels // 2)
        gamma = self.param("gamma", nn.initializers.zeros, (), jnp.float32)
        return x + gamma.astype(x.dtype) * self.conv(channels, name="o")(attended, train=train)
