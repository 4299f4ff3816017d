"""The residual blocks of SAGAN and BigGAN: one that doubles a map, one that halves it."""

from collections.abc import Callable

import flax.linen as nn
import jax

from jaxrepro.nn import resampling
from jaxrepro.nn.operations import operations


class UpBlock(nn.Module):
    """norm, ReLU, upsample, 3x3 conv, norm, ReLU, 3x3 conv; plus upsample, 1x1 conv.

    `conv(features, kernel_size, name=...)` makes the convolutions, `norm(name=...)` the
    conditional normalisations, which end in a ReLU. (BigGAN, arXiv 1809.11096, figure 15b.)
    """

    features: int
    conv: Callable[..., nn.Module]
    norm: Callable[..., nn.Module]

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, 2H, 2W, features] from x [B, H, W, C] and the condition [B, E]."""
        h = self.norm(name="norm_1")(x, condition, train=train)
        up_conv = operations().upsample_then_convolve
        h = self.conv(self.features, 3, operation=up_conv, name="conv_1")(h, train=train)
        h = self.norm(name="norm_2")(h, condition, train=train)
        h = self.conv(self.features, 3, name="conv_2")(h, train=train)
        # A 1x1 convolution commutes with nearest upsampling: a quarter of the work before it.
        shortcut = self.conv(self.features, 1, name="shortcut")(x, train=train)
        return h + resampling.upsample_nearest(shortcut)


class DownBlock(nn.Module):
    """[ReLU], 3x3 conv, ReLU, 3x3 conv, [average pool]; plus the shortcut.

    `rectify_input` is False in a network's first block, whose input is an image. The shortcut
    is average pool and 1x1 conv, without the parts that are not needed.
    (BigGAN, arXiv 1809.11096, figure 15c, with its code's order in the first block.)
    """

    features: int
    conv: Callable[..., nn.Module]
    downsample: bool = True
    rectify_input: bool = True

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, H/2, W/2, features], or [B, H, W, features] if not `downsample`."""
        h = jax.nn.relu(x) if self.rectify_input else x
        h = jax.nn.relu(self.conv(self.features, 3, name="conv_1")(h, train=train))
        last = operations().convolve_then_pool if self.downsample else None
        h = self.conv(self.features, 3, operation=last, name="conv_2")(h, train=train)
        shortcut = resampling.average_pool(x) if self.downsample else x
        if self.downsample or x.shape[-1] != self.features:
            # Before or after the pooling is the same map; after it, a quarter of the work.
            shortcut = self.conv(self.features, 1, name="shortcut")(shortcut, train=train)
        return h + shortcut
