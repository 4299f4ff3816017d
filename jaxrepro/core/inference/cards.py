"""Model cards: a network's name and settings as JSON, and the network made of them again.

A card may be of any file, so its numbers are checked before a network is made of them.
"""

import dataclasses
import math
import typing
from collections.abc import Callable, Mapping
from typing import Any

from jaxrepro.core.errors import InputError

# Of any width, kernel or side: beyond these the shapes alone overflow what XLA counts with.
LARGEST_SIZE = 2**15
# Layers, blocks or stacks in a row: more would take the time of days to write out.
MOST_LAYERS = 64
# Flax's own fields, and how a network is computed, which is no part of which network it is. Fields
# of types that JSON lacks, such as initialisers and dtypes, are not on cards either.
_NOT_ON_CARDS = ("parent", "name", "remat")


def is_size(value: Any, *, least: int = 1) -> bool:
    """Returns whether a value of a card is a whole number that a width or a side can be."""
    return type(value) is int and least <= value <= LARGEST_SIZE


def is_count(value: Any) -> bool:
    """Returns whether a value of a card is a whole number of layers, blocks or stacks."""
    return type(value) is int and 1 <= value <= MOST_LAYERS


def is_number(value: Any) -> bool:
    """Returns whether a value of a card is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


# By the type of a module's field: whether a value of a card can be one.
_FITS: Mapping[Any, Callable[[Any], bool]] = {
    int: is_size,
    float: is_number,
    bool: lambda value: isinstance(value, bool),
    str: lambda value: isinstance(value, str),
    tuple[int, ...]: lambda value: isinstance(value, tuple) and all(map(is_size, value)),
}


def card_of(module: Any, kinds: Mapping[str, Any], *, tag: str = "name") -> dict[str, Any]:
    """Returns, as JSON, what `module_from_card` makes the same network of.

    kinds: classes of modules by the name that is written as `tag`.
    """
    (name,) = (name for name, kind in kinds.items() if type(module) is kind)
    values = {field: getattr(module, field) for field in _fields_of(type(module))}
    return {tag: name} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def module_from_card(
    card: Any,
    kinds: Mapping[str, Any],
    *,
    what: str,
    tag: str = "name",
    limits: Mapping[str, Callable[[Any], bool]] | None = None,
    default: str | None = None,
    complete: bool = True,
) -> Any:
    """Returns the network that `card_of` described.

    what: the network's key on the card, for messages. limits: by field, whether it can have a
    value; for whole numbers instead of `is_size`, for others beside what their type asks. default:
    the name of the network where none is written. complete: whether every field must be there; if
    not, those with a default may be absent, as on cards from before they were introduced.

    Raises InputError if there is no such network.
    """
    values = dict(card) if isinstance(card, Mapping) else {}
    name = values.pop(tag, default)
    if not isinstance(card, Mapping) or not isinstance(name, str) or name not in kinds:
        raise InputError(
            f"the model card's {what} has {tag}={name!r}; this paper has {', '.join(kinds)}"
        )
    fields = _fields_of(kinds[name])
    if strange := sorted(map(str, values.keys() - fields.keys())):
        raise InputError(f"the model card's {what} has {strange[0]!r}; there is no such setting")
    made = {}
    for field, described in fields.items():
        if field not in values and not complete and described.default is not dataclasses.MISSING:
            continue
        value = values.get(field)
        made[field] = tuple(value) if isinstance(value, list) else value
        if not _is_right(described.type, made[field], (limits or {}).get(field)):
            raise InputError(f"the model card's {what} has {field}={value!r}")
    return kinds[name](**made)


def _fields_of(kind: Any) -> dict[str, dataclasses.Field]:
    """Returns the fields of a class that are on cards, by name."""
    return {
        field.name: field
        for field in dataclasses.fields(kind)
        if field.name not in _NOT_ON_CARDS and _without_none(field.type) in _FITS
    }


def _without_none(kind: Any) -> Any:
    """Returns int for int | None, and any other type itself."""
    kinds = [one for one in typing.get_args(kind) if one is not type(None)]
    return kinds[0] if len(kinds) < len(typing.get_args(kind)) else kind


def _is_right(kind: Any, value: Any, limit: Callable[[Any], bool] | None) -> bool:
    plain = _without_none(kind)
    if value is None:
        return plain is not kind
    if plain is int and limit is not None:
        return limit(value)
    return _FITS[plain](value) and (limit is None or limit(value))
