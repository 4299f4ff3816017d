"""Pose networks of a paper: how they are made, of settings and of cards; and plain hourglasses."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.cards import is_count, is_size
from jaxrepro.nn.blocks.hourglass import residual_blocks
from jaxrepro.nn.blocks.stacked_hourglass import StackedHourglass
from jaxrepro.nn.branch_initialization import INITIALIZATIONS, Initialization

# Pixels of a crop by cells of a map: the stem's.
STRIDE = 4
HOURGLASS = "hourglass"
# Of a StackedHourglass, beside its blocks: what says which network it is.
_SIZES = ("num_stacks", "features", "num_blocks", "num_joints", "depth")
_COUNTS = ("num_stacks", "num_blocks", "depth")
# Blocks in a row; the published networks have 32.
_MOST_BLOCKS = 512
_SAME = "same"


@dataclasses.dataclass(frozen=True)
class PoseNetworks:
    """What a paper says of its networks, each with the fields and arguments of a StackedHourglass.

    paper: its name, on cards. from_settings: (the section `model` of a config, num_joints=) -> a
    network; card: a network -> JSON; from_card: that JSON, of any file -> the same network. Both
    that make networks raise InputError for values that are not allowed.
    """

    paper: str
    from_settings: Callable[..., Any]
    card: Callable[[Any], Mapping[str, Any]]
    from_card: Callable[[Mapping[str, Any]], Any]


def side_multiple(module: Any) -> int:
    """Returns of what the side of a crop must be a multiple, in pixels."""
    return STRIDE * 2**module.depth


def plain_hourglasses(paper: str) -> PoseNetworks:
    """Returns Newell's hourglasses as in PyTorch, as the networks of a paper."""
    return PoseNetworks(paper, hourglass_from_settings, hourglass_card, hourglass_from_card)


def hourglass_from_settings(settings: Settings, *, num_joints: int) -> StackedHourglass:
    """Returns the plain hourglass that the section `model` of a config describes."""
    settings.one_of("name", (HOURGLASS,))
    return StackedHourglass(**fields_from_settings(settings, num_joints=num_joints))


def hourglass_card(module: StackedHourglass) -> Mapping[str, Any]:
    """Returns, as JSON, what `hourglass_from_card` makes the same network of."""
    return {"name": HOURGLASS, **sizes_of(module), "wide_stem": module.wide_stem}


def hourglass_from_card(card: Mapping[str, Any]) -> StackedHourglass:
    """Returns the network that `hourglass_card` described; raises InputError if there is none."""
    name = check_name(card, (HOURGLASS,))
    sizes = sizes_from_card(card)
    wide_stem = card.get("wide_stem")
    if type(wide_stem) is not bool:
        raise InputError(f"the model card's network {name} has wide_stem={wide_stem!r}")
    return StackedHourglass(**sizes, make_block=residual_blocks, wide_stem=wide_stem)


# --- What networks with other blocks share with them.


def fields_from_settings(settings: Settings, *, num_joints: int) -> dict[str, Any]:
    """Returns the fields of a StackedHourglass but for those of its blocks."""
    features = settings.at_least("features", 4)
    if features % 8:
        raise InputError(f"model.features={features}: give a multiple of 8")
    score_init = settings.one_of("score_init", (_SAME, *INITIALIZATIONS))
    return {
        "num_stacks": settings.at_least("num_stacks", 1),
        "features": features,
        "num_blocks": settings.at_least("num_blocks", 1),
        "num_joints": num_joints,
        "depth": settings.at_least("depth", 1),
        "start": Initialization(settings.one_of("init", INITIALIZATIONS)),
        "score_start": None if score_init == _SAME else Initialization(score_init),
        "dtype": getattr(jnp, settings.one_of("dtype", ("float32", "bfloat16"))),
    }


def sizes_of(module: StackedHourglass) -> dict[str, Any]:
    """Returns what `sizes_from_card` reads."""
    return {field: getattr(module, field) for field in _SIZES}


def sizes_from_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sizes of a network by field; raises InputError if none can have them."""
    name = card.get("name")
    sizes: dict[str, Any] = {field: card.get(field) for field in _SIZES}
    for field, value in sizes.items():
        if not (is_count if field in _COUNTS else is_size)(value):
            raise InputError(f"the model card's network {name} has {field}={value!r}")
    if math.prod(sizes[field] for field in _COUNTS) > _MOST_BLOCKS:
        raise InputError(f"the model card's network {name} has {sizes}: too many blocks")
    return sizes


def check_name(card: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Returns the name of a card's network; raises InputError unless it is among `names`."""
    name = card.get("name")
    if name not in names:
        raise InputError(f"the model card's network is {name!r}; this paper has {', '.join(names)}")
    return name
