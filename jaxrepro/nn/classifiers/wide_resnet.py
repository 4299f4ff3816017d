"""Wide residual networks for small images, plain or with branches beside the first convolutions.

S. Zagoruyko, N. Komodakis, "Wide Residual Networks" (BMVC 2016, arXiv 1605.07146).
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

_STEM = 16
_HE = Initialization("msra")


class WideBlock(nn.Module):
    """Twice norm, ReLU and 3x3 convolution, plus x; where channels change, its 1x1 convolution.

    beside: the first convolution, added before the second norm; None for no branch. dropout: the
    share of what the second convolution sees that is dropped in training. The shortcut's
    convolution sees x after the first norm and ReLU.
    """

    features: int
    stride: int = 1
    beside: MakeBranch | None = None
    start: Start = _HE
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """x: [B, H, W, C] -> [B, H / stride, W / stride, features]."""

        def convolve(h: jax.Array, side: int, stride: int, name: str) -> jax.Array:
            return BiasedConvolution(
                self.features, side, stride, use_bias=False, start=self.start, name=name
            )(h)

        active = BatchNormRelu(name="norm_1")(x, train=train)
        h = convolve(active, 3, self.stride, "conv_1")
        h += branch_maps(
            active, self.features, self.beside, stride=self.stride, start=self.start, train=train
        )
        h = BatchNormRelu(name="norm_2")(h, train=train)
        if self.dropout:
            h = nn.Dropout(self.dropout, deterministic=not train)(h)
        h = convolve(h, 3, 1, "conv_2")
        if self.stride == 1 and x.shape[-1] == self.features:
            return h + x
        return h + convolve(active, 1, self.stride, "shortcut")


class WideResNet(nn.Module):
    """WRN-depth-width: three groups of (depth - 4) / 6 blocks of 16, 32 and 64 times `width`.

    width: may be a fraction; channels are rounded. beside: a branch of all blocks; None for the
    plain network. start: of all convolutions. head: the last layer. dropout: in every block, of
    the random numbers "dropout". Maps have the dtype of the images.
    """

    depth: int = 28
    width: float = 10
    num_classes: int = 10
    beside: MakeBranch | None = None
    start: Start = _HE
    head: MakeHead = nn.Dense
    dropout: float = 0.0

    @property
    def group_features(self) -> tuple[int, ...]:
        """Channels of the blocks of each group."""
        return tuple(round(_STEM * 2**group * self.width) for group in range(NUM_GROUPS))

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> Classified:
        """Returns features and float32 logits [B, num_classes]; images: [B, H, W, C]."""
        chex.assert_rank(images, 4)
        num_blocks = blocks_per_group(self.depth, layers=2, others=4, name="wide ResNet")

        def make_block(group: int, **place) -> nn.Module:
            features = self.group_features[group]
            return WideBlock(
                features, beside=self.beside, start=self.start, dropout=self.dropout, **place
            )

        x = BiasedConvolution(_STEM, 3, use_bias=False, start=self.start, name="stem_conv")(images)
        x = in_groups(x, num_blocks, make_block, train=train)
        x = BatchNormRelu(name="last_norm")(x, train=train)
        return classified(x, self.num_classes, self.head)
