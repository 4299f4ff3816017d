"""The residual blocks of SAGAN and BigGAN: one that doubles a map, one that halves it."""

from collections.abc import Callable

import flax.linen as nn
import jax

from jaxrepro.nn.forms import resampling
from jaxrepro.nn.forms.operations import operations_for


class UpBlock(nn.Module):
    """norm, ReLU, upsample, 3x3 conv, norm, ReLU, 3x3 conv; plus upsample, 1x1 conv.

    `conv(features, kernel_size, name=...)` makes the convolutions, `norm(name=...)` the
    conditional normalisations, which end in a ReLU. (BigGAN, arXiv 1809.11096, figure 15b.)

    Without `upsample` the map keeps its size, and the shortcut is x itself if the channels stay.
    `kernel_size` and `dilation` are those of the 3x3 convolutions, `upsampling` a key of
    `resampling.UPSAMPLINGS`.
    """

    features: int
    conv: Callable[..., nn.Module]
    norm: Callable[..., nn.Module]
    upsample: bool = True
    upsampling: str = "nearest"
    kernel_size: int = 3
    dilation: int = 1

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, 2H, 2W, features], or [B, H, W, features] if not `upsample`.

        x: [B, H, W, C]; condition: [B, E].
        """
        size = self.kernel_size
        forms = operations_for(kernel_size=size, dilation=self.dilation, upsampling=self.upsampling)
        first = forms.upsample_then_convolve if self.upsample else forms.convolve
        h = self.norm(name="norm_1")(x, condition, train=train)
        h = self.conv(self.features, size, operation=first, name="conv_1")(h, train=train)
        h = self.norm(name="norm_2")(h, condition, train=train)
        h = self.conv(self.features, size, operation=forms.convolve, name="conv_2")(h, train=train)
        shortcut = x
        if self.upsample or x.shape[-1] != self.features:
            shortcut = self.conv(self.features, 1, name="shortcut")(x, train=train)
        if self.upsample:
            # A 1x1 convolution commutes with both upsamplings: a quarter of the work before it.
            shortcut = resampling.UPSAMPLINGS[self.upsampling](shortcut)
        return h + shortcut


class DownBlock(nn.Module):
    """[ReLU], 3x3 conv, ReLU, 3x3 conv, [average pool]; plus the shortcut.

    `rectify_input` is False in a network's first block, whose input is an image. The shortcut
    is average pool and 1x1 conv, without the parts that are not needed.
    (BigGAN, arXiv 1809.11096, figure 15c, with its code's order in the first block.)

    `norm(name=...)` makes normalisations that end in a ReLU and replace each one; None for
    none. `kernel_size` and `dilation` are those of the 3x3 convolutions.
    """

    features: int
    conv: Callable[..., nn.Module]
    downsample: bool = True
    rectify_input: bool = True
    norm: Callable[..., nn.Module] | None = None
    kernel_size: int = 3
    dilation: int = 1

    @nn.compact
    def __call__(
        self, x: jax.Array, condition: jax.Array | None = None, *, train: bool
    ) -> jax.Array:
        """Returns [B, H/2, W/2, features], or [B, H, W, features] if not `downsample`.

        x: [B, H, W, C]; condition: [B, E], what conditional norms take, else None.
        """
        size = self.kernel_size
        forms = operations_for(kernel_size=size, dilation=self.dilation)
        last = forms.convolve_then_pool if self.downsample else forms.convolve

        def rectify(name: str, h: jax.Array) -> jax.Array:
            if self.norm is None:
                return jax.nn.relu(h)
            conditions = () if condition is None else (condition,)
            return self.norm(name=name)(h, *conditions, train=train)

        h = rectify("norm_1", x) if self.rectify_input else x
        h = self.conv(self.features, size, operation=forms.convolve, name="conv_1")(h, train=train)
        h = rectify("norm_2", h)
        h = self.conv(self.features, size, operation=last, name="conv_2")(h, train=train)
        shortcut = resampling.average_pool(x) if self.downsample else x
        if self.downsample or x.shape[-1] != self.features:
            # Before or after the pooling is the same map; after it, a quarter of the work.
            shortcut = self.conv(self.features, 1, name="shortcut")(shortcut, train=train)
        return h + shortcut
