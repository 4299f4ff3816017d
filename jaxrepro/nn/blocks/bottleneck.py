"""The residual blocks of BigGAN-deep: a bottleneck of four convolutions, and skips that copy."""

from collections.abc import Callable

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.forms import resampling
from jaxrepro.nn.forms.operations import operations

# Channels of a block over those of its bottleneck.
BOTTLENECK_RATIO = 4


class BottleneckUpBlock(nn.Module):
    """1x1, 3x3, 3x3 and 1x1 conv, each after norm and ReLU; the first 3x3 upsamples if asked.

    The convolutions between the outer two have a quarter of the input's channels. The skip keeps
    the first `features` channels and has no parameters. `conv(features, kernel_size, name=...)`
    makes the convolutions, `norm(name=...)` the conditional normalisations, which end in a ReLU.
    (BigGAN, arXiv 1809.11096, figure 16b.)
    """

    features: int
    conv: Callable[..., nn.Module]
    norm: Callable[..., nn.Module]
    upsample: bool

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, 2H, 2W, features], or [B, H, W, features] if not `upsample`.

        x: [B, H, W, C], C at least 4 and at least `features`; condition: [B, E].
        """
        hidden = x.shape[-1] // BOTTLENECK_RATIO
        chex.assert_scalar_positive(hidden)
        chex.assert_scalar_in(self.features, 1, x.shape[-1])
        h = self.norm(name="norm_1")(x, condition, train=train)
        h = self.conv(hidden, 1, name="conv_1")(h, train=train)
        h = self.norm(name="norm_2")(h, condition, train=train)
        wider = operations().upsample_then_convolve if self.upsample else None
        h = self.conv(hidden, 3, operation=wider, name="conv_2")(h, train=train)
        h = self.norm(name="norm_3")(h, condition, train=train)
        h = self.conv(hidden, 3, name="conv_3")(h, train=train)
        h = self.norm(name="norm_4")(h, condition, train=train)
        h = self.conv(self.features, 1, name="conv_4")(h, train=train)
        skip = x[..., : self.features]
        return h + (resampling.upsample_nearest(skip) if self.upsample else skip)


class BottleneckDownBlock(nn.Module):
    """1x1, 3x3, 3x3, [average pool] and 1x1 conv, a ReLU before each and before the pool.

    The convolutions between the outer two have a quarter of the output's channels. The skip is
    [average pool]; where `features` exceeds the input's channels, a 1x1 convolution makes the
    further ones. (BigGAN, arXiv 1809.11096, figure 16c.)
    """

    features: int
    conv: Callable[..., nn.Module]
    downsample: bool

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, H/2, W/2, features], or [B, H, W, features] if not `downsample`.

        x: [B, H, W, C], C at most `features`, which is at least 4.
        """
        hidden, new = self.features // BOTTLENECK_RATIO, self.features - x.shape[-1]
        chex.assert_scalar_positive(hidden)
        chex.assert_scalar_non_negative(new)
        h = self.conv(hidden, 1, name="conv_1")(jax.nn.relu(x), train=train)
        h = self.conv(hidden, 3, name="conv_2")(jax.nn.relu(h), train=train)
        h = jax.nn.relu(self.conv(hidden, 3, name="conv_3")(jax.nn.relu(h), train=train))
        skip = x
        if self.downsample:
            h, skip = resampling.average_pool(h), resampling.average_pool(x)
        h = self.conv(self.features, 1, name="conv_4")(h, train=train)
        if new:
            added = self.conv(new, 1, name="shortcut")(skip, train=train)
            skip = jnp.concatenate([skip, added], axis=-1)
        return h + skip
