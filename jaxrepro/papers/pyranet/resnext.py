"""ResNeXt for small images, plain or with pyramids beside the convolutions of a block.

S. Xie et al., "Aggregated Residual Transformations for Deep Neural Networks" (CVPR 2017, arXiv
1611.05431), section 5.3; with pyramids in section 4.4 of the PyraNet paper, whose code was not
released.
"""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.nn.batch_norm import BatchNormRelu
from jaxrepro.nn.biased_convolution import BiasedConvolution, Start
from jaxrepro.papers.pyranet.initialization import Initialization
from jaxrepro.papers.pyranet.pyramid import Pyramid, PyramidSettings

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
            return nn.BatchNorm(not train, momentum=0.9, epsilon=1e-5, name=name)(h)

        h = BatchNormRelu(name="norm_1")(convolve(x, self.inner, "conv_1"), train=train)
        h = convolve(h, self.inner, "conv_2", 3, self.stride, self.groups)
        h = BatchNormRelu(name="norm_2")(h, train=train)
        h = convolve(h, self.features, "conv_3")
        if self.pyramid is not None:
            h += Pyramid(
                self.features,
                self.features,
                self.pyramid,
                preactivate=False,
                stride=self.stride,
                start=self.start,
                name="pyramid",
            )(x, train=train)
        h = normalize(h, "norm_3")
        if self.stride > 1 or x.shape[-1] != self.features:
            x = convolve(x, self.features, "shortcut", stride=self.stride)
            x = normalize(x, "shortcut_norm")
        return nn.relu(h + x)


class ResNeXt(nn.Module):
    """ResNeXt-depth, groups x group_width d: three groups of (depth - 2) / 9 blocks.

    The blocks end in 256, 512 and 1024 channels; groups * group_width, twice and four times that
    are those of their grouped convolutions. pyramid: of all blocks; None for the plain network.
    """

    depth: int = 29
    groups: int = 8
    group_width: int = 64
    num_classes: int = 10
    pyramid: PyramidSettings | None = None
    start: Start = _HE

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> jax.Array:
        """Returns float32 logits [B, num_classes]; images: [B, H, W, 3]."""
        chex.assert_shape(images, (None, None, None, 3))
        num_blocks, rest = divmod(self.depth - 2, 9)
        if rest or num_blocks < 1:
            raise InputError(f"a ResNeXt of depth {self.depth}: give 9 n + 2, such as 20 or 29")
        x = BiasedConvolution(_STEM, 3, use_bias=False, start=self.start, name="stem_conv")(images)
        x = BatchNormRelu(name="stem_norm")(x, train=train)
        for stage in range(3):
            for i in range(num_blocks):
                x = ResNeXtBlock(
                    _STEM * _EXPANSION * 2**stage,
                    self.groups * self.group_width * 2**stage,
                    self.groups,
                    stride=2 if stage > 0 and i == 0 else 1,
                    pyramid=self.pyramid,
                    start=self.start,
                    name=f"block_{stage}_{i}",
                )(x, train=train)
        x = jnp.mean(x.astype(jnp.float32), axis=(1, 2))
        return nn.Dense(self.num_classes, name="logits")(x)
