"""SRCNN, FSRCNN and ESPCN: three ways to a larger picture.

SRCNN (C. Dong, C. C. Loy, K. He, X. Tang, TPAMI 2016, arXiv 1501.00092; first at ECCV 2014) maps a
picture that bicubic interpolation has enlarged: patch extraction, non-linear mapping,
reconstruction. FSRCNN (C. Dong, C. C. Loy, X. Tang, ECCV 2016, arXiv 1608.00367) works on the small
picture and enlarges last, by a transposed convolution. ESPCN (W. Shi et al., CVPR 2016, arXiv
1609.05158) does all its convolutions on the small picture, the last of which makes a square of
every pixel.
"""

from collections.abc import Callable
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms.operations import operations
from jaxrepro.nn.forms.resampling import pixel_shuffle
from jaxrepro.nn.forms.transposed_phases import phase_kernels, reach, window
from jaxrepro.papers.srcnn.network.borders import Border, valid


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


class Deconvolution(nn.Module):
    """A transposed convolution with bias whose result is exactly `stride` times as large.

    Output pixel Y is the sum over input pixels i and taps k with k = Y + padding - stride i, as
    `torch.nn.ConvTranspose2d(..., side, stride, padding, output_padding)` with the output_padding
    that gives this size. What lies beyond the edges of the input is the caller's choice; there it
    is zero with `borders.zero`.

    Parameters: kernel [side, side, inputs, features], not mirrored; bias [features].
    """

    features: int
    side: int
    stride: int
    padding: int

    @property
    def margin(self) -> int:
        """Input pixels beyond the edge, on the worse side, that the output depends on."""
        return reach(self.side, self.stride, self.padding)

    @nn.compact
    def __call__(self, x: jax.Array, border: Border, lost: int) -> jax.Array:
        """x: [B, H, W, C] -> [B, stride H, stride W, features], less what a valid border takes.

        border, lost: see `borders.Border`.
        """
        shape = (self.side, self.side, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(0.001), shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        first, last = window(self.side, self.stride, self.padding)
        x = border(x, self.margin, lost)
        # Borders are as wide on all sides, the window need not be.
        rows, columns = (
            slice(self.margin + first, size - (self.margin - last)) for size in x.shape[1:3]
        )
        y = lax.conv_general_dilated(
            x[:, rows, columns],
            phase_kernels(kernel, self.stride, self.padding).astype(x.dtype),
            (1, 1),
            "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        return pixel_shuffle(y, self.stride) + bias.astype(x.dtype)


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


class ESPCN(nn.Module):
    """Convolutions with tanh, a linear one with scale^2 filters per channel, a pixel shuffle.

    scale: output pixels per input pixel and axis. kernels: sides, odd. widths: numbers of filters
    of all layers but the last. channels: of the picture, 1 for luma. The last layer's filters are
    in the order dy, dx, channel (see `nn.forms.resampling.pixel_shuffle`).
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
