"""Sizes of the networks, by name."""

import dataclasses
from typing import Any

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan import discriminator, generator


@dataclasses.dataclass(frozen=True)
class Preset:
    """Networks for pictures of one size.

    resolution: pixels a side. width: channels of the generator's first layer.
    discriminator_width: of the discriminator's.
    """

    resolution: int
    width: int
    discriminator_width: int


PRESETS = {
    # As published: 92,886,100 parameters.
    "512": Preset(512, 64, 64),
    "256": Preset(256, 32, 32),
    "128": Preset(128, 16, 32),
    "tiny": Preset(64, 8, 16),
}


def generator_sizes(resolution: int) -> dict[str, Any]:
    """Returns the fields `halvings` and `dilations` of a generator for that many pixels a side.

    The bottleneck has 4 x 4 pixels. Raises InputError unless the resolution is 32, 64, 128, 256,
    512 or, with a larger bottleneck, a multiple of 512.
    """
    published = len(generator.WIDTHS)
    if resolution > 0 and resolution % 512 == 0:
        halvings = published
    else:
        halvings = generator.num_halvings(resolution) if resolution > 0 else 0
        if halvings < 3 or resolution != generator.BOTTLENECK * 2**halvings:
            raise InputError(
                f"resolution={resolution}: choose 32, 64, 128, 256, 512 or a multiple "
                "of 512 as data.size"
            )
    return {
        "halvings": halvings,
        "dilations": generator.dilations_for(resolution >> halvings),
    }


def discriminator_sizes(resolution: int) -> dict[str, Any]:
    """Returns the field `layers` of a discriminator for that many pixels a side."""
    return {"layers": discriminator.num_layers(resolution)}
