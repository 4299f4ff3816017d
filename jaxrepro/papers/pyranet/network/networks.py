"""Networks by name: from settings, and from the card of a trained model."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.cards import is_count, is_size
from jaxrepro.nn.blocks.hourglass import residual_blocks
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from jaxrepro.papers.pyranet.network.initialization import INITIALIZATIONS, Initialization
from jaxrepro.papers.pyranet.network.pyramid import POOLINGS, VARIANTS, PyramidSettings
from jaxrepro.papers.pyranet.network.pyramid_residual import PyramidBlocks

# Of a StackedHourglass, beside its blocks: what says which network it is.
_SIZES = ("num_stacks", "features", "num_blocks", "num_joints", "depth")
_COUNTS = ("num_stacks", "num_blocks", "depth")
# Blocks in a row; the published networks have 32.
_MOST_BLOCKS = 512
_NAMES = ("hourglass", "pyranet")
_RESIDUAL = "res"
_SAME = "same"


def make_network(settings: Settings, *, num_joints: int) -> StackedHourglass:
    """Returns the network that the section `model` of a config describes.

    name "hourglass" is Newell's as in PyTorch, "pyranet" has the wiring of PyraNet's code, with
    the pyramid residual modules of `block`, a variant's letter, or "res" for residuals alone.
    Raises InputError for values that are not allowed.
    """
    name = settings.one_of("name", _NAMES)
    features = settings.at_least("features", 4)
    if features % 8:
        raise InputError(f"model.features={features}: give a multiple of 8")
    score_init = settings.one_of("score_init", (_SAME, *INITIALIZATIONS))
    shared: dict[str, Any] = {
        "num_stacks": settings.at_least("num_stacks", 1),
        "features": features,
        "num_blocks": settings.at_least("num_blocks", 1),
        "num_joints": num_joints,
        "depth": settings.at_least("depth", 1),
        "start": Initialization(settings.one_of("init", INITIALIZATIONS)),
        "score_start": None if score_init == _SAME else Initialization(score_init),
        "dtype": getattr(jnp, settings.one_of("dtype", ("float32", "bfloat16"))),
    }
    if name == "hourglass":
        return StackedHourglass(**shared)
    pyramid = pyramid_from_settings(settings)
    # The narrowest modules are the first two of the stem, of half the width.
    if pyramid is not None and pyramid.level_width(features // 2) < 1:
        raise InputError(
            f"model.base_width={pyramid.base_width}: with model.features={features} at most "
            f"{features // 2}, or the stem's levels have no channels"
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
    sizes = {field: getattr(module, field) for field in _SIZES}
    blocks = module.make_block
    if isinstance(blocks, PyramidBlocks):
        pyramid = None if blocks.pyramid is None else dataclasses.asdict(blocks.pyramid)
        return {"name": "pyranet", **sizes, "pyramid": pyramid, "fix_variance": blocks.fix_variance}
    return {"name": "hourglass", **sizes, "wide_stem": module.wide_stem}


def network_from_card(card: Mapping[str, Any]) -> StackedHourglass:
    """Returns the network that `network_card` described; raises InputError if there is no such."""
    name = card.get("name")
    if name not in _NAMES:
        raise InputError(
            f"the model card's network is {name!r}; this paper has {', '.join(_NAMES)}"
        )
    sizes: dict[str, Any] = {field: card.get(field) for field in _SIZES}
    for field, value in sizes.items():
        if not (is_count if field in _COUNTS else is_size)(value):
            raise InputError(f"the model card's network {name} has {field}={value!r}")
    if math.prod(sizes[field] for field in _COUNTS) > _MOST_BLOCKS:
        raise InputError(f"the model card's network {name} has {sizes}: too many blocks")
    if name == "hourglass":
        wide_stem = card.get("wide_stem")
        if type(wide_stem) is not bool:
            raise InputError(f"the model card's network {name} has wide_stem={wide_stem!r}")
        return StackedHourglass(**sizes, make_block=residual_blocks, wide_stem=wide_stem)
    return _pyranet(sizes, pyramid_from_card(card), card.get("fix_variance"))


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
