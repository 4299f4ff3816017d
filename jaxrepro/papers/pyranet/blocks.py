"""Which block stands where in PyraNet."""

import dataclasses

import flax.linen as nn

from jaxrepro.nn.biased_convolution import Start
from jaxrepro.nn.hourglass import Place
from jaxrepro.nn.preactivation import PreactivationBottleneck
from jaxrepro.papers.pyranet.pyramid import PyramidSettings
from jaxrepro.papers.pyranet.pyramid_residual import PyramidResidual

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
