"""FSRCNN: SRCNN made fast, by working on the small picture and enlarging last.

C. Dong, C. C. Loy, X. Tang, "Accelerating the Super-Resolution Convolutional Neural Network",
ECCV 2016 (arXiv 1608.00367).
"""

from collections.abc import Callable
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.transposed_phases import reach
from jaxrepro.papers.srcnn.borders import Border, valid
from jaxrepro.papers.srcnn.deconvolution import Deconvolution
from jaxrepro.papers.srcnn.model import Convolution

# Where parametric ReLUs start (He et al., ICCV 2015).
_SLOPE = 0.25
# The normal kernels that go with them (the same paper): of variance 2 / ((1 + slope^2) fan), which
# keeps either the size of maps, by fan-in, or that of gradients, by fan-out.
KEEP_MAPS, KEEP_GRADIENTS = (
    nn.initializers.variance_scaling(2 / (1 + _SLOPE**2), fan, "normal")
    for fan in ("fan_in", "fan_out")
)
_FIRST, _MAPPING, _LAST = 5, 3, 9  # Sides of the kernels; the others are 1.
_PADDING = 4  # Of the deconvolution.
# Beyond it some output pixels would see nothing of the input.
LARGEST_SCALE = _LAST


class ParametricReLU(nn.Module):
    """max(x, 0) + slope min(x, 0), with a slope of its own for every channel."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x: [..., C] -> [..., C]."""
        start = nn.initializers.constant(_SLOPE)
        slope = self.param("slope", start, (x.shape[-1],), jnp.float32)
        return jnp.maximum(x, 0) + slope.astype(x.dtype) * jnp.minimum(x, 0)


class FSRCNN(nn.Module):
    """FSRCNN(d, s, m): extraction, shrinking, mapping, expanding, deconvolution.

    scale: output pixels per input pixel and axis. features: d, what is extracted. shrunk: s, what
    the mapping works on. mappings: m, its layers. channels: of the picture, 1 for luma.
    kernel_init: of all layers but the deconvolution, which starts at N(0, 0.001).
    """

    scale: int = 3
    features: int = 56
    shrunk: int = 12
    mappings: int = 4
    channels: int = 1
    kernel_init: Callable[..., Any] = KEEP_GRADIENTS

    @property
    def factor(self) -> int:
        """Output pixels per input pixel and axis."""
        return self.scale

    @property
    def margin(self) -> int:
        """Input pixels that valid convolutions take from every side of the picture."""
        before = _FIRST // 2 + self.mappings * (_MAPPING // 2)
        return before + reach(_LAST, self.scale, _PADDING)

    @property
    def layers(self) -> tuple[tuple[str, int, int], ...]:
        """(name, filters, side) of all layers but the last, which is "deconvolution"."""
        between = [f"mapping{i}" if i > 1 else "mapping" for i in range(1, self.mappings + 1)]
        return (
            ("extraction", self.features, _FIRST),
            ("shrinking", self.shrunk, 1),
            *((name, self.shrunk, _MAPPING) for name in between),
            ("expanding", self.features, 1),
        )

    @nn.compact
    def __call__(self, x: jax.Array, border: Border = valid) -> jax.Array:
        """Returns the high-resolution picture.

        x: [B, H, W, channels] in [0, 1], the low-resolution picture. border: what the layers see
        beyond the edges of their maps. With `valid` the result is [B, scale (H - 2 margin),
        scale (W - 2 margin), channels], with `replicate` [B, scale H, scale W, channels]: also the
        deconvolution then sees edge values repeated. It is not clipped.
        """
        chex.assert_shape(x, (None, None, None, self.channels))
        lost = 0
        for name, width, side in self.layers:
            x = Convolution(width, side, self.kernel_init, name=name)(border(x, side // 2, lost))
            x = ParametricReLU(name=f"{name}_relu")(x)
            lost += side // 2
        deconvolution = Deconvolution(
            self.channels, _LAST, self.scale, _PADDING, name="deconvolution"
        )
        return deconvolution(x, border, lost)
