"""ResNeXt for small images, plain or with branches beside the convolutions of a block.

S. Xie et al., "Aggregated Residual Transformations for Deep Neural Networks" (CVPR 2017, arXiv
1611.05431), section 5.3.
"""

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.branch_initialization import Initialization
from jaxrepro.nn.classifiers.small_images import (
    NUM_GROUPS,
    Classified,
    MakeBranch,
    MakeHead,
    blocks_per_group,
    branch_maps,
    classified,
    in_groups,
)
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution, Start
from jaxrepro.nn.norms.batch_norm import BatchNormRelu

_STEM = 64
_EXPANSION = 4
_HE = Initialization("msra")


class ResNeXtBlock(nn.Module):
    """1x1, grouped 3x3 and 1x1 convolution, a norm after each, plus the shortcut; then a ReLU.

    inner: channels of the grouped convolution. beside: the three convolutions, added before the
    last norm; None for no branch.
    """

    features: int
    inner: int
    groups: int
    stride: int = 1
    beside: MakeBranch | None = None
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
        h += branch_maps(
            x, self.features, self.beside, stride=self.stride, start=self.start, train=train
        )
        h = normalize(h, "norm_3")
        if self.stride > 1 or x.shape[-1] != self.features:
            x = convolve(x, self.features, "shortcut", stride=self.stride)
            x = normalize(x, "shortcut_norm")
        return nn.relu(h + x)


class ResNeXt(nn.Module):
    """ResNeXt-depth, groups x group_width d: three groups of (depth - 2) / 9 blocks.

    The blocks end in 256, 512 and 1024 channels; groups * group_width, twice and four times that
    are those of their grouped convolutions. beside: a branch of all blocks; None for the plain
    network. start: of all convolutions. head: the last layer. Maps have the dtype of the images.
    """

    depth: int = 29
    groups: int = 8
    group_width: int = 64
    num_classes: int = 10
    beside: MakeBranch | None = None
    start: Start = _HE
    head: MakeHead = nn.Dense

    @property
    def group_features(self) -> tuple[int, ...]:
        """Channels that the blocks of each group end in."""
        return tuple(_STEM * _EXPANSION * 2**group for group in range(NUM_GROUPS))

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> Classified:
        """Returns features and float32 logits [B, num_classes]; images: [B, H, W, C]."""
        chex.assert_rank(images, 4)
        num_blocks = blocks_per_group(self.depth, layers=3, others=2, name="ResNeXt")

        def make_block(group: int, **place) -> nn.Module:
            return ResNeXtBlock(
                self.group_features[group],
                self.groups * self.group_width * 2**group,
                self.groups,
                beside=self.beside,
                start=self.start,
                **place,
            )

        x = BiasedConvolution(_STEM, 3, use_bias=False, start=self.start, name="stem_conv")(images)
        x = BatchNormRelu(name="stem_norm")(x, train=train)
        x = in_groups(x, num_blocks, make_block, train=train)
        return classified(x, self.num_classes, self.head)
