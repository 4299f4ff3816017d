"""SRCNN: patch extraction, non-linear mapping, reconstruction.

C. Dong, C. C. Loy, K. He, X. Tang, "Image Super-Resolution Using Deep Convolutional Networks",
TPAMI 2016 (arXiv 1501.00092); first at ECCV 2014.
"""

from collections.abc import Callable
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.operations import operations
from jaxrepro.papers.srcnn.borders import Border, valid


class Convolution(nn.Module):
    """A convolution with bias, stride 1, over a map whose border the caller chooses."""

    features: int
    side: int
    kernel_init: Callable[..., Any]

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x: [B, H, W, C] -> [B, H - side + 1, W - side + 1, features]."""
        shape = (self.side, self.side, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        y = operations().convolve_valid(x, kernel)
        return y + bias.astype(x.dtype)


def layer_names(num: int, last: str) -> tuple[str, ...]:
    """Returns the names of `num` layers: extraction, mapping, mapping2, ..., and `last`."""
    between = [f"mapping{i}" if i > 1 else "mapping" for i in range(1, num - 1)]
    return ("extraction", *between, last)


class SRCNN(nn.Module):
    """The network F of equations 1 to 3: convolutions, all but the last followed by a ReLU.

    kernels: sides f1, ..., fn, odd. widths: numbers of filters n1, ..., n(n-1). channels: of the
    picture, 1 for luma. kernel_init: of all layers but the last; last_init: of the last.
    """

    kernels: tuple[int, ...] = (9, 1, 5)
    widths: tuple[int, ...] = (64, 32)
    channels: int = 1
    kernel_init: Callable[..., Any] = nn.initializers.normal(0.001)
    last_init: Callable[..., Any] = nn.initializers.normal(0.001)

    factor = 1  # Output pixels per input pixel and axis.

    @property
    def margin(self) -> int:
        """Pixels that valid convolutions take from every side of the picture."""
        return sum(side // 2 for side in self.kernels)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers' parameters: extraction, mapping, mapping2, ..., reconstruction."""
        return layer_names(len(self.kernels), "reconstruction")

    @nn.compact
    def __call__(self, x: jax.Array, border: Border = valid) -> jax.Array:
        """Returns the high-resolution picture.

        x: [B, H, W, channels] in [0, 1], the low-resolution picture enlarged to the size wanted.
        border: what the layers see beyond the edges. With `valid` the result is [B, H - 2 margin,
        W - 2 margin, channels], with `replicate` it has the size of x. It is not clipped.
        """
        chex.assert_shape(x, (None, None, None, self.channels))
        lost = 0
        for name, side, width in zip(self.layer_names, self.kernels, (*self.widths, self.channels)):
            last = name == "reconstruction"
            init = self.last_init if last else self.kernel_init
            x = Convolution(width, side, init, name=name)(border(x, side // 2, lost))
            lost += side // 2
            if not last:
                x = nn.relu(x)
        return x
