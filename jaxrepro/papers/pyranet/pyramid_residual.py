"""The pyramid residual module (PRM): a bottleneck with a pyramid beside its 3x3 convolution."""

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.batch_norm import BatchNormRelu
from jaxrepro.nn.biased_convolution import BiasedConvolution, Flow, Start, uniform_by_fan_in
from jaxrepro.nn.preactivation import Shortcut
from jaxrepro.papers.pyranet.pyramid import Pyramid, PyramidSettings


class PyramidResidual(nn.Module):
    """1x1 and 3x3 convolution plus a pyramid of the same input, then 1x1; plus the shortcut.

    Batch norm and ReLU stand before each convolution; not before the first ones, in both branches,
    if not `preactivate`. The shortcut is x where the channels stay and not `always_project`; else
    norm, ReLU and 1x1. (W. Yang et al., ICCV 2017, section 3.1, as in the published code.)
    """

    features: int
    settings: PyramidSettings = PyramidSettings()
    preactivate: bool = True
    always_project: bool = False
    start: Start = uniform_by_fan_in

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool, samples: jax.Array | None = None) -> jax.Array:
        """x: [B, H, W, C] -> [B, H, W, features], even; samples: those of `Pyramid`."""
        chex.assert_is_divisible(self.features, 2)
        half = self.features // 2
        h = BatchNormRelu(name="norm_1")(x, train=train) if self.preactivate else x
        h = BiasedConvolution(half, start=self.start, name="conv_1")(h)
        h = BatchNormRelu(name="norm_2")(h, train=train)
        h = BiasedConvolution(half, 3, start=self.start, name="conv_2")(h)
        h += Pyramid(
            half, self.features, self.settings, self.preactivate, start=self.start, name="pyramid"
        )(x, train=train, samples=samples)
        h = BatchNormRelu(name="norm_3")(h, train=train)
        flow = Flow(branches_in=2)
        h = BiasedConvolution(self.features, start=self.start, flow=flow, name="conv_3")(h)
        shortcut = Shortcut(
            self.features,
            normalize=True,
            always_project=self.always_project,
            start=self.start,
            name="shortcut",
        )
        return h + shortcut(x, train=train)
