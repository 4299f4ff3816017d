"""Transposed convolution by a whole stride, as a convolution of the small map."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.resampling import pixel_shuffle
from jaxrepro.nn.transposed_phases import phase_kernels, reach, window
from jaxrepro.papers.srcnn.borders import Border


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
