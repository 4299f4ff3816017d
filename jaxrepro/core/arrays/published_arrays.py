"""Variables of a network filled from published arrays, each of which is used or named.

A published layout is two functions of a variable's path in a collection: its published name,
and how its published array becomes ours.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import flax
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.errors import InputError

Arrays = Mapping[str, np.ndarray]
Variables = dict[str, Any]
Path = tuple[str, ...]
# From our path of a variable, without the collection, to the published name; None for what is not
# published and no output depends on.
NameOf = Callable[[Path], str | None]
# From our path and shape to the published shape, and the map from that array to ours.
LayoutOf = Callable[
    [Path, tuple[int, ...]], tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]
]


def listed(items: Any) -> str:
    """Returns the sorted items with commas between, for a message."""
    return ", ".join(map(str, sorted(items)))


def shape_of(arrays: Arrays, name: str, rank: int) -> tuple[int, ...]:
    """Returns the shape of the array; raises InputError unless it is there with that rank."""
    if name not in arrays:
        raise InputError(f"the array {name} is missing")
    shape = tuple(arrays[name].shape)
    if len(shape) != rank:
        raise InputError(f"{name} has shape {shape}: it must have {rank} axes")
    return shape


def channel_multiplier(name: str, rows: int, unit: int) -> int:
    """Returns rows / unit, the ch of a network; raises InputError, naming the array, if uneven."""
    if rows % unit:
        raise InputError(f"{name} has {rows} rows, which must be a multiple of {unit}")
    return rows // unit


def fill_variables(
    module: Any,
    inputs: tuple[jax.Array, ...],
    arrays: Arrays,
    name_of: NameOf,
    layout_of: LayoutOf,
    *,
    described: str,
) -> Variables:
    """Returns the module's variables, each filled from the array of its published name.

    inputs: arguments of the module's call besides `train`; only their shapes matter. described:
    what was to become of the arrays, for the message. Variables without a published name are 1.

    Raises:
      InputError: arrays are missing, of the wrong shape, or not used; all of them are named.
    """
    expected: Any = jax.eval_shape(
        lambda key: module.init(key, *inputs, train=False), jax.random.key(0)
    )
    filled, names, missing, misshapen = {}, set(), [], []
    structs = cast(Mapping[Path, Any], flax.traverse_util.flatten_dict(expected))
    for (collection, *path), struct in structs.items():
        name = name_of(tuple(path))
        if name is None:
            filled[(collection, *path)] = jnp.ones(struct.shape, struct.dtype)
            continue
        names.add(name)
        if name not in arrays:
            missing.append(name)
            continue
        array = np.asarray(arrays[name])
        published, to_ours = layout_of(tuple(path), struct.shape)
        if array.shape != published:
            misshapen.append(f"{name} {array.shape} instead of {published}")
        else:
            filled[(collection, *path)] = jnp.asarray(to_ours(array), struct.dtype)
    problems = {
        "missing": sorted(missing),
        "of the wrong shape": sorted(misshapen),
        "not used": sorted(set(arrays) - names),
    }
    found = [f"{problem}: {', '.join(which)}" for problem, which in problems.items() if which]
    if found:
        raise InputError(f"these arrays do not make {described}. " + "; ".join(found))
    return flax.traverse_util.unflatten_dict(filled)


def kernel_from_pytorch(
    shape: tuple[int, ...],
) -> tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray]]:
    """Returns PyTorch's shape [O, I, h, w] of a kernel [h, w, I, O], and the map to ours."""
    height, width, inputs, outputs = shape
    return (outputs, inputs, height, width), lambda array: array.transpose(2, 3, 1, 0)
