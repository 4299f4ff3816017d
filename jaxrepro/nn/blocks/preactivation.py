"""The residual bottleneck with normalisation and ReLU before each convolution.

K. He et al., "Identity Mappings in Deep Residual Networks" (arXiv 1603.05027), as Newell's
hourglass has it: half the channels between its outer convolutions, biases everywhere.
"""

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.forms.biased_convolution import BiasedConvolution, Flow, Start, uniform_by_fan_in
from jaxrepro.nn.norms.batch_norm import BatchNormRelu


class Shortcut(nn.Module):
    """The way around a residual: x itself, or a 1x1 convolution of it.

    normalize: batch norm and ReLU before the convolution. always_project: convolve although the
    channels stay, so that the sum does not carry the variance of x on.
    """

    features: int
    stride: int = 1
    normalize: bool = False
    always_project: bool = False
    start: Start = uniform_by_fan_in

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """x: [B, H, W, C] -> [B, H / stride, W / stride, features]."""
        if x.shape[-1] == self.features and self.stride == 1 and not self.always_project:
            return x
        if self.normalize:
            x = BatchNormRelu(name="norm")(x, train=train)
        flow = Flow(rectified=self.normalize)
        return BiasedConvolution(
            self.features, stride=self.stride, start=self.start, flow=flow, name="conv"
        )(x)


class PreactivationBottleneck(nn.Module):
    """Three times norm, ReLU and convolution (1x1, 3x3, 1x1), plus the shortcut.

    preactivate: False without the first norm and ReLU, after a layer that ends in them.
    normalize_shortcut, always_project: those of `Shortcut`. (A. Newell, K. Yang, J. Deng, "Stacked
    Hourglass Networks for Human Pose Estimation", ECCV 2016, figure 4, left.)
    """

    features: int
    preactivate: bool = True
    normalize_shortcut: bool = False
    always_project: bool = False
    start: Start = uniform_by_fan_in

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """x: [B, H, W, C] -> [B, H, W, features]; `features` is even."""
        chex.assert_is_divisible(self.features, 2)
        h = BatchNormRelu(name="norm_1")(x, train=train) if self.preactivate else x
        h = BiasedConvolution(self.features // 2, start=self.start, name="conv_1")(h)
        h = BatchNormRelu(name="norm_2")(h, train=train)
        h = BiasedConvolution(self.features // 2, 3, start=self.start, name="conv_2")(h)
        h = BatchNormRelu(name="norm_3")(h, train=train)
        h = BiasedConvolution(self.features, start=self.start, name="conv_3")(h)
        shortcut = Shortcut(
            self.features,
            normalize=self.normalize_shortcut,
            always_project=self.always_project,
            start=self.start,
            name="shortcut",
        )
        return h + shortcut(x, train=train)
