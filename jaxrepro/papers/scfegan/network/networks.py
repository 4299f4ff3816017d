"""From a config's model section, or a model card, to the two networks."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.cards import card_of, is_count, is_size, module_from_card
from jaxrepro.nn.blocks.gated_convolution import NORMS
from jaxrepro.nn.blocks.gated_deconvolution import GATES
from jaxrepro.papers.scfegan.network import discriminator, generator
from jaxrepro.papers.scfegan.network.coarse_to_fine import CoarseToFine
from jaxrepro.papers.scfegan.network.discriminator import Discriminator
from jaxrepro.papers.scfegan.network.generator import WIDTHS, Generator


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


_FEWEST_HALVINGS = 3
_ARCHITECTURES: Mapping[str, type[Generator]] = {
    "unet": Generator,
    "coarse_to_fine": CoarseToFine,
}


def networks_from_settings(model: Settings, *, resolution: int) -> tuple[Generator, Discriminator]:
    """Returns (generator, discriminator) as the config's section `model` describes them.

    resolution: pixels a side of the pictures; it says how deep the networks are. Raises InputError
    for values that are not allowed.
    """
    both: dict[str, Any] = {
        "dtype": getattr(jnp, model.one_of("dtype", ("float32", "bfloat16"))),
    }
    architecture = model.one_of("architecture", tuple(_ARCHITECTURES))
    generator = _ARCHITECTURES[architecture](
        width=model.at_least("width", 1),
        deconvolution_gate=model.one_of("deconvolution_gate", GATES),
        norm=model.one_of("norm", tuple(NORMS)),
        remat=model.one_of("remat", (False, True)),
        **generator_sizes(resolution),
        **both,
    )
    discriminator = Discriminator(
        width=model.at_least("discriminator_width", 1),
        last_activation=model.one_of("discriminator_last_activation", (False, True)),
        **discriminator_sizes(resolution),
        **both,
    )
    return generator, discriminator


def generator_card(module: Generator) -> dict[str, Any]:
    """Returns, as JSON, what `generator_from_card` makes the same generator of."""
    return card_of(module, _ARCHITECTURES, tag="architecture")


def generator_from_card(card: Any) -> Generator:
    """Returns the generator that `generator_card` described; raises InputError if there is none."""
    limits = {
        "halvings": lambda n: is_size(n) and _FEWEST_HALVINGS <= n <= len(WIDTHS),
        "dilations": lambda rates: is_count(len(rates)),
        "deconvolution_gate": tuple(GATES).__contains__,
        "norm": tuple(NORMS).__contains__,
    }
    return module_from_card(
        card, _ARCHITECTURES, what="generator", tag="architecture", limits=limits
    )
