"""The generator: a U-Net of gated convolutions with dilated layers at its narrowest place."""

import functools
from collections.abc import Callable
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.blocks.gated_convolution import GatedConvolution
from jaxrepro.nn.blocks.gated_deconvolution import GatedDeconvolution

# Of the released network, from the picture down. Networks for smaller pictures leave out the last.
WIDTHS = (1, 2, 4, 8, 8, 8, 8)
KERNEL_SIZES = (7, 5, 5, 3, 3, 3, 3)
PUBLISHED_DILATIONS = (2, 4, 8, 16)
# Pixels on a side of the narrowest map, at the size that a network is trained for.
BOTTLENECK = 4


def dilations_for(bottleneck: int) -> tuple[int, ...]:
    """Returns four dilations whose outer taps can meet a map of `bottleneck` pixels a side.

    Powers of two up to half of the side, repeated from the smallest where there are fewer than
    four; the published (2, 4, 8, 16) where they fit. On 4 pixels all taps but the middle one of
    the published rates 4, 8 and 16 see padding only and never learn.
    """
    if bottleneck >= 2 * PUBLISHED_DILATIONS[-1]:
        return PUBLISHED_DILATIONS
    useful = [d for d in (1, 2, 4, 8) if 2 * d <= bottleneck] or [1]
    return tuple(useful[i % len(useful)] for i in range(len(PUBLISHED_DILATIONS)))


def num_halvings(resolution: int) -> int:
    """Returns how often the network for pictures of `resolution` pixels halves them."""
    return (resolution // BOTTLENECK).bit_length() - 1


class Generator(nn.Module):
    """Completes a picture from its conditions.

    width: channels of the first layer; 64 was published. halvings: 3 to 7; 7 was published, for
    512 pixels. dilations: of the layers between encoder and decoder. deconvolution_gate: see
    `GatedDeconvolution`. norm: a key of `nn.blocks.gated_convolution.NORMS`. remat: keep only the
    layers' inputs for the gradient.
    """

    width: int = 64
    halvings: int = 7
    dilations: tuple[int, ...] = PUBLISHED_DILATIONS
    deconvolution_gate: str = "shared_kernel"
    norm: str = "local_response"
    dtype: jnp.dtype = jnp.float32
    remat: bool = False

    def setup(self):
        """Makes the layers."""
        widths = [self.width * factor for factor in WIDTHS[: self.halvings]]
        convolution = functools.partial(GatedConvolution, norm=self.norm, dtype=self.dtype)
        deconvolution = functools.partial(
            GatedDeconvolution, gate=self.deconvolution_gate, dtype=self.dtype
        )
        self.encoder = [
            convolution(features, kernel_size=side, stride=2, norm=self.norm if i else "none")
            for i, (features, side) in enumerate(zip(widths, KERNEL_SIZES))
        ]
        self.dilated = [convolution(widths[-1], dilation=rate) for rate in self.dilations]
        outwards = widths[-2::-1]
        self.deconvolutions = [deconvolution(features) for features in (*outwards, 3)]
        self.merging = [
            *(convolution(features) for features in outwards),
            convolution(3, norm="none", activation=False),
        ]

    def __call__(self, conditions: jax.Array) -> jax.Array:
        """Returns the whole picture, float32 [B, H, W, 3] in (-1, 1).

        conditions: [B, H, W, 9] of `conditions.generator_input`; H and W are multiples of
        2**halvings. The channels of the result are in the order of the input's image.
        """
        chex.assert_rank(conditions, 4)
        chex.assert_is_divisible(conditions.shape[1], 2**self.halvings)
        chex.assert_is_divisible(conditions.shape[2], 2**self.halvings)
        skips = [conditions.astype(self.dtype)]
        for layer in self.encoder:
            skips.append(self._run(layer, skips[-1]))
        x = skips.pop()
        for layer in self.dilated:
            x = self._run(layer, x)
        for deconvolution, merge in zip(self.deconvolutions, self.merging, strict=True):
            up = self._run(deconvolution, x)
            x = self._run(merge, jnp.concatenate([skips.pop(), up], axis=-1))
        return jnp.tanh(x.astype(jnp.float32))

    def _run(self, layer: Any, x: jax.Array) -> jax.Array:
        call: Callable[..., jax.Array] = lambda layer, x: layer(x)  # noqa: E731
        return nn.remat(call)(layer, x) if self.remat else layer(x)
