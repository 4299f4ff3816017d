"""The pyramid residual module: a bottleneck with a pyramid beside its 3x3 convolution."""

import dataclasses

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.blocks.hourglass import Place
from jaxrepro.nn.blocks.preactivation import PreactivationBottleneck, Shortcut
from jaxrepro.nn.forms.biased_convolution import BiasedConvolution, Flow, Start, uniform_by_fan_in
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.papers.pyranet.network.pyramid import Pyramid, PyramidSettings


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


_PUBLISHED = PyramidSettings()


@dataclasses.dataclass(frozen=True)
class PyramidBlocks:
    """PyraNet's `hourglass.MakeBlock`: pyramids where maps are large, residuals below.

    pyramid: of the pyramid residual modules; None for plain residuals everywhere, the paper's
    control. fix_variance: project the shortcut of a decoder's blocks, whose output is added to
    that of a skip, so that two identities are never added (section 3.3 of the paper).

    In the stem and, in an hourglass, down to the skip of level 2 and the encoder and decoder of
    level 3, modules have pyramids: on maps of at least 16 pixels, of images of 256. The first
    module of the stem follows a ReLU and begins without one.
    """

    pyramid: PyramidSettings | None = _PUBLISHED
    fix_variance: bool = True

    def __call__(self, place: Place, features: int, *, start: Start, name: str) -> nn.Module:
        """Returns the block of that place and name."""
        preactivate = place != Place("stem", 1)
        always_project = self.fix_variance and place.part == "decoder"
        lowest = {"stem": 1, "skip": 2}.get(place.part, 3)
        if self.pyramid is None or place.level < lowest:
            return PreactivationBottleneck(
                features,
                preactivate=preactivate,
                normalize_shortcut=True,
                always_project=always_project,
                start=start,
                name=name,
            )
        return PyramidResidual(
            features,
            self.pyramid,
            preactivate=preactivate,
            always_project=always_project,
            start=start,
            name=name,
        )
