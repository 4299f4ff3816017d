"""Residual networks for small images whose shortcuts have no parameters, such as ResNet-20.

K. He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016, arXiv 1512.03385), section
4.2: blocks of two 3x3 convolutions, and where channels change, shortcuts of option A.
"""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.branch_initialization import Initialization
from jaxrepro.nn.classifiers.small_images import (
    Classified,
    MakeHead,
    blocks_per_group,
    classified,
    in_groups,
)
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution
from jaxrepro.nn.norms.batch_norm import BatchNormRelu

_STEM = 16
_HE = Initialization("msra")


class PlainShortcutBlock(nn.Module):
    """Two 3x3 convolutions with norms, plus x; then a ReLU.

    Where the maps are halved, every other pixel of x is taken, and channels that x lacks are zero,
    as many before as behind (option A).
    """

    features: int
    stride: int = 1

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """x: [B, H, W, C] -> [B, H / stride, W / stride, features]."""

        def convolve(h: jax.Array, stride: int, name: str) -> jax.Array:
            layer = BiasedConvolution(
                self.features, 3, stride, use_bias=False, start=_HE, name=name
            )
            return layer(h)

        h = BatchNormRelu(name="norm_1")(convolve(x, self.stride, "conv_1"), train=train)
        h = convolve(h, 1, "conv_2")
        h = nn.BatchNorm(not train, momentum=0.9, epsilon=1e-5, dtype=h.dtype, name="norm_2")(h)
        more = self.features - x.shape[-1]
        x = x[:, :: self.stride, :: self.stride]
        x = jnp.pad(x, ((0, 0), (0, 0), (0, 0), (more // 2, more - more // 2)))
        return nn.relu(h + x)


class ResNet(nn.Module):
    """ResNet-depth: three groups of (depth - 2) / 6 blocks of 16, 32 and 64 channels.

    The features are the 64 means of the last maps. head: the last layer. Maps have the dtype of the
    images.
    """

    depth: int = 20
    num_classes: int = 10
    head: MakeHead = nn.Dense

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> Classified:
        """Returns features and float32 logits [B, num_classes]; images: [B, H, W, C]."""
        chex.assert_rank(images, 4)
        num_blocks = blocks_per_group(self.depth, layers=2, others=2, name="ResNet")

        def make_block(group: int, **place) -> nn.Module:
            return PlainShortcutBlock(_STEM * 2**group, **place)

        x = BiasedConvolution(_STEM, 3, use_bias=False, start=_HE, name="stem_conv")(images)
        x = BatchNormRelu(name="stem_norm")(x, train=train)
        x = in_groups(x, num_blocks, make_block, train=train)
        return classified(x, self.num_classes, self.head)
