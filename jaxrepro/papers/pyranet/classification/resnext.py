"""ResNeXt for small images, plain or with pyramids beside the convolutions of a block.

S. Xie et al., "Aggregated Residual Transformations for Deep Neural Networks" (CVPR 2017, arXiv
1611.05431), section 5.3; with pyramids in section 4.4 of the PyraNet paper, whose code was not
released.
"""

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.forms.biased_convolution import BiasedConvolution, Start
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.papers.pyranet.classification.small_images import (
    NUM_GROUPS,
    beside,
    blocks_per_group,
    class_scores,
    in_groups,
)
from jaxrepro.papers.pyranet.network.initialization import Initialization
from jaxrepro.papers.pyranet.network.pyramid import PyramidSettings

_STEM = 64
_EXPANSION = 4
_HE = Initialization("msra")


class ResNeXtBlock(nn.Module):
    """1x1, grouped 3x3 and 1x1 convolution, a norm after each, plus the shortcut; then a ReLU.

    inner: channels of the grouped convolution. pyramid: beside the three, added before the last
    norm: in the paper's table it adds as many parameters to a network of any groups, and with a
    base width and cardinality of 4 as many as here.
    """

    features: int
    inner: int
    groups: int
    stride: int = 1
    pyramid: PyramidSettings | None = None
    start: Start = _HE

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """x: [B, H, W, C], not negative -> [B, H / stride, W / stride, features]."""

        def convolve(h, features, name, side=1, stride=1, groups=1):
            return BiasedConvolution(
                features,
                side,
                stride,
                groups=groups,
                use_bias=False,
                start=self.start,
                name=name,
            )(h)

        def normalize(h: jax.Array, name: str) -> jax.Array:
            norm = nn.BatchNorm(not train, momentum=0.9, epsilon=1e-5, dtype=h.dtype, name=name)
            return norm(h)

        h = BatchNormRelu(name="norm_1")(convolve(x, self.inner, "conv_1"), train=train)
        h = convolve(h, self.inner, "conv_2", 3, self.stride, self.groups)
        h = BatchNormRelu(name="norm_2")(h, train=train)
        h = convolve(h, self.features, "conv_3")
        h += beside(
            x, self.features, self.pyramid, stride=self.stride, start=self.start, train=train
        )
        h = normalize(h, "norm_3")
        if self.stride > 1 or x.shape[-1] != self.features:
            x = convolve(x, self.features, "shortcut", stride=self.stride)
            x = normalize(x, "shortcut_norm")
        return nn.relu(h + x)


class ResNeXt(nn.Module):
    """ResNeXt-depth, groups x group_width d: three groups of (depth - 2) / 9 blocks.

    The blocks end in 256, 512 and 1024 channels; groups * group_width, twice and four times that
    are those of their grouped convolutions. pyramid: of all blocks; None for the plain network.
    start: of all convolutions. Maps have the dtype of the images.
    """

    depth: int = 29
    groups: int = 8
    group_width: int = 64
    num_classes: int = 10
    pyramid: PyramidSettings | None = None
    start: Start = _HE

    @property
    def group_features(self) -> tuple[int, ...]:
        """Channels that the blocks of each group end in."""
        return tuple(_STEM * _EXPANSION * 2**group for group in range(NUM_GROUPS))

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> jax.Array:
        """Returns float32 logits [B, num_classes]; images: [B, H, W, 3]."""
        chex.assert_shape(images, (None, None, None, 3))
        num_blocks = blocks_per_group(self.depth, layers=3, others=2, name="ResNeXt")

        def make_block(group: int, **place) -> nn.Module:
            return ResNeXtBlock(
                self.group_features[group],
                self.groups * self.group_width * 2**group,
                self.groups,
                pyramid=self.pyramid,
                start=self.start,
                **place,
            )

        x = BiasedConvolution(_STEM, 3, use_bias=False, start=self.start, name="stem_conv")(images)
        x = BatchNormRelu(name="stem_norm")(x, train=train)
        x = in_groups(x, num_blocks, make_block, train=train)
        return class_scores(x, self.num_classes)
