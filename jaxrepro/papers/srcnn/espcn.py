"""ESPCN: all convolutions on the small picture, the last one making a square of every pixel.

W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network", CVPR 2016 (arXiv 1609.05158).
"""

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.resampling import pixel_shuffle
from jaxrepro.papers.srcnn.borders import Border, valid
from jaxrepro.papers.srcnn.model import Convolution, layer_names


class ESPCN(nn.Module):
    """Convolutions with tanh, a linear one with scale^2 filters per channel, a pixel shuffle.

    scale: output pixels per input pixel and axis. kernels: sides, odd. widths: numbers of filters
    of all layers but the last. channels: of the picture, 1 for luma. The last layer's filters are
    in the order dy, dx, channel (see `nn.resampling.pixel_shuffle`).
    """

    scale: int = 3
    kernels: tuple[int, ...] = (5, 3, 3)
    widths: tuple[int, ...] = (64, 32)
    channels: int = 1

    @property
    def factor(self) -> int:
        """Output pixels per input pixel and axis."""
        return self.scale

    @property
    def margin(self) -> int:
        """Input pixels that valid convolutions take from every side of the picture."""
        return sum(side // 2 for side in self.kernels)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers' parameters: extraction, mapping, mapping2, ..., sub_pixel."""
        return layer_names(len(self.kernels), "sub_pixel")

    @nn.compact
    def __call__(self, x: jax.Array, border: Border = valid) -> jax.Array:
        """Returns the high-resolution picture.

        x: [B, H, W, channels] in [0, 1], the low-resolution picture. border: what the layers see
        beyond the edges of their maps. With `valid` the result is [B, scale (H - 2 margin),
        scale (W - 2 margin), channels], with `replicate` [B, scale H, scale W, channels]. It is
        not clipped.
        """
        chex.assert_shape(x, (None, None, None, self.channels))
        widths = (*self.widths, self.channels * self.scale**2)
        lost = 0
        for name, side, width in zip(self.layer_names, self.kernels, widths):
            init = nn.initializers.lecun_normal()  # Not the paper's: what tanh wants.
            x = Convolution(width, side, init, name=name)(border(x, side // 2, lost))
            lost += side // 2
            if name != "sub_pixel":
                x = nn.tanh(x)
        return pixel_shuffle(x, self.scale)
