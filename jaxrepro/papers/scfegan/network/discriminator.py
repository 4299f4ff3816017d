"""The discriminator: spectrally normalised convolutions that score every patch (SN-PatchGAN)."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.blocks.gated_convolution import leaky_relu
from jaxrepro.nn.forms.operations import operations
from jaxrepro.nn.norms.spectral_norm import SpectralConv

WIDTHS = (1, 2, 4, 4, 4, 4)
# Scores on a side for the picture that a network is made for.
SCORES = 8
EPSILON = 1e-12


def num_layers(resolution: int) -> int:
    """Returns how many layers leave 8 x 8 scores of a picture of `resolution` pixels, 3 to 6."""
    return min(max((resolution // SCORES).bit_length() - 1, 3), len(WIDTHS))


class Discriminator(nn.Module):
    """Scores of patches, one for each channel and place of the last map.

    The paper gives 3x3 kernels, spectral normalisation and no activation in the loss; widths,
    stride and number of layers are those of Yu et al., arXiv 1806.03589. No norm looks across
    examples, so a gradient penalty is one of each example.

    width: channels of the first layer. layers: 3 to 6. last_activation: whether a leaky ReLU
    follows the last layer too, as in Yu et al.; scores of a linear loss should not be bent.
    """

    width: int = 64
    layers: int = 6
    last_activation: bool = False
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns scores float32 [B, H / 2^layers, W / 2^layers, 4 width], sizes rounded up.

        x: [B, H, W, C] of `conditions.discriminator_input`. train: store the next vectors of the
        spectral norms; every call makes one step of the power iteration.
        """
        chex.assert_rank(x, 4)
        for index, factor in enumerate(WIDTHS[: self.layers]):
            x = SpectralConv(
                self.width * factor,
                epsilon=EPSILON,
                kernel_init=nn.initializers.glorot_uniform(),
                operation=operations().convolve_and_halve,
                dtype=self.dtype,
                name=f"layer_{index + 1}",
            )(x, train=train)
            if index + 1 < self.layers or self.last_activation:
                x = leaky_relu(x)
        return x.astype(jnp.float32)
