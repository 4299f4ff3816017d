"""Networks by name: from settings, and from the card of a trained model."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.cards import is_size
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from jaxrepro.papers.pyranet.network.pyramid import POOLINGS, VARIANTS, PyramidSettings
from jaxrepro.papers.pyranet.network.pyramid_residual import PyramidBlocks
from jaxrepro.tasks.pose.networks import (
    HOURGLASS,
    PoseNetworks,
    check_name,
    fields_from_settings,
    hourglass_card,
    hourglass_from_card,
    sizes_from_card,
    sizes_of,
)

_PYRANET = "pyranet"
_NAMES = (HOURGLASS, _PYRANET)
_RESIDUAL = "res"


def make_network(settings: Settings, *, num_joints: int) -> StackedHourglass:
    """Returns the network that the section `model` of a config describes.

    name "hourglass" is Newell's as in PyTorch, "pyranet" has the wiring of PyraNet's code, with
    the pyramid residual modules of `block`, a variant's letter, or "res" for residuals alone.
    Raises InputError for values that are not allowed.
    """
    name = settings.one_of("name", _NAMES)
    shared = fields_from_settings(settings, num_joints=num_joints)
    if name == HOURGLASS:
        return StackedHourglass(**shared)
    pyramid = pyramid_from_settings(settings)
    # The narrowest modules are the first two of the stem, of half the width.
    half = shared["features"] // 2
    if pyramid is not None and pyramid.level_width(half) < 1:
        raise InputError(
            f"model.base_width={pyramid.base_width}: with model.features={2 * half} at most "
            f"{half}, or the stem's levels have no channels"
        )
    fix_variance = settings.one_of("fix_variance", (False, True))
    return _pyranet(shared, pyramid, fix_variance)


def pyramid_from_settings(settings: Settings) -> PyramidSettings | None:
    """Returns the pyramid that the section `model` of a config asks for, None with block "res"."""
    # All are read, so that a config says the same things whichever its block is.
    block = settings.one_of("block", (_RESIDUAL, *VARIANTS))
    pyramid = PyramidSettings(
        variant=VARIANTS[0] if block == _RESIDUAL else block,
        base_width=settings.at_least("base_width", 1),
        cardinality=settings.at_least("cardinality", 1),
        pooling=settings.one_of("pooling", POOLINGS),
        normalize_levels=settings.one_of("normalize_levels", (False, True)),
    )
    return None if block == _RESIDUAL else pyramid


def network_card(module: StackedHourglass) -> Mapping[str, Any]:
    """Returns, as JSON, what `network_from_card` makes the same network of."""
    blocks = module.make_block
    if not isinstance(blocks, PyramidBlocks):
        return hourglass_card(module)
    pyramid = None if blocks.pyramid is None else dataclasses.asdict(blocks.pyramid)
    described = {"pyramid": pyramid, "fix_variance": blocks.fix_variance}
    return {"name": _PYRANET, **sizes_of(module), **described}


def network_from_card(card: Mapping[str, Any]) -> StackedHourglass:
    """Returns the network that `network_card` described; raises InputError if there is no such."""
    if check_name(card, _NAMES) == HOURGLASS:
        return hourglass_from_card(card)
    return _pyranet(sizes_from_card(card), pyramid_from_card(card), card.get("fix_variance"))


NETWORKS = PoseNetworks("pyranet", make_network, network_card, network_from_card)


def _pyranet(
    sizes: Mapping[str, Any], pyramid: PyramidSettings | None, fix_variance: Any
) -> StackedHourglass:
    if type(fix_variance) is not bool:
        raise InputError(f"the model card's network pyranet has fix_variance={fix_variance!r}")
    return StackedHourglass(
        **sizes,
        wide_stem=False,
        make_block=PyramidBlocks(pyramid, fix_variance),
        normalize_after=True,
    )


def pyramid_from_card(card: Mapping[str, Any]) -> PyramidSettings | None:
    """Returns the pyramid of a network's card; raises InputError if it is none."""
    fields = card.get("pyramid")
    if fields is None:
        return None
    names = {field.name for field in dataclasses.fields(PyramidSettings)}
    fits = isinstance(fields, Mapping) and set(fields) == names
    pyramid = PyramidSettings(**fields) if fits else None
    if (
        pyramid is None
        or pyramid.variant not in VARIANTS
        or pyramid.pooling not in POOLINGS
        or type(pyramid.normalize_levels) is not bool
        or any(not is_size(n) for n in (pyramid.base_width, pyramid.cardinality))
    ):
        raise InputError(f"the model card's network {card.get('name')} has pyramid={fields!r}")
    return pyramid
