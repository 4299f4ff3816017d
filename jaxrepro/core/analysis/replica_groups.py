"""Which devices exchange with each other, out of the text of XLA's programs."""

import math
import re

from jaxrepro.core.errors import InputError

Groups = tuple[tuple[int, ...], ...]

# How XLA writes all devices, which it also does by saying nothing.
ALL = "all"
_IOTA = r"\[[\d,]+\](?:T\([\d,]+\))?"
_MESH = re.compile(rf"mesh\[([^\]]*)\](?:, device_ids=\(({_IOTA}|[\d,]+)\))? ?\{{([^}}]*)\}}")
_TILES = re.compile(rf"\[(\d+),(\d+)\]<=({_IOTA})")
_LISTED = re.compile(r"\{(?:\{[\d,]+\},?)+\}")
# A part of a mesh's axis is written 'axis':(devices before it)devices.
_AXIS = re.compile(r"'([^']+)'(?::\((\d+)\)(\d+))?")


def written_groups(attributes: str) -> str:
    """Returns the groups or pairs out of the attributes of an instruction; "all" if it has none.

    Raises InputError for groups in a form that is not known: taken for all devices they would make
    the prediction wrong.
    """
    found = re.search(r"(?:replica_groups|source_target_pairs)=", attributes)
    if found is None:
        return ALL
    text = attributes[found.end() :]
    if text.startswith("{}"):
        return ALL
    for form in (_MESH, _TILES, _LISTED):
        if (match := form.match(text)) is not None:
            return match[0]
    raise _unknown(text[:80])


def parse_groups(text: str, num_devices: int) -> Groups:
    """Returns the numbers of the devices of each group.

    text: as `written_groups` returns it: "all", {{0,1},{2,3}}, [groups,devices]<=[shape]T(axes) or
    mesh['axis'=size,...] {'axis',...}, with the mesh's devices in another order if it says so.
    num_devices: that "all" stands for. Raises InputError for another form.
    """
    if text == ALL:
        return (tuple(range(num_devices)),)
    if _LISTED.fullmatch(text):
        listed = re.findall(r"\{([\d,]+)\}", text)
        return tuple(tuple(int(number) for number in one.split(",")) for one in listed)
    if (tiles := _TILES.fullmatch(text)) is not None:
        return _rows(_device_order(tiles[3]), int(tiles[2]))
    if (mesh := _MESH.fullmatch(text)) is not None:
        return _groups_of_mesh(mesh[1], mesh[2], mesh[3])
    raise _unknown(text)


def largest(groups: Groups) -> int:
    """Returns the devices of the largest group."""
    return max(len(set(group)) for group in groups)


def _groups_of_mesh(sizes: str, order: str | None, named: str) -> Groups:
    """Returns the groups along the axes `named` of a mesh, the others apart from each other."""
    import numpy as np

    wanted = {name: (before, size) for name, before, size in _AXIS.findall(named)}
    shape, along = [], []
    for name, written in re.findall(r"'([^']+)'=(\d+)", sizes):
        whole = int(written)
        before, size = wanted.get(name, ("", ""))
        parts = [int(before), int(size), whole // (int(before) * int(size))] if size else [whole]
        if name in wanted:
            along.append(len(shape) + (1 if size else 0))
        shape += parts
    if len(along) != len(_AXIS.findall(named)):
        raise _unknown(f"mesh[{sizes}] {{{named}}}")
    devices = list(range(math.prod(shape))) if order is None else _device_order(order)
    grid = np.moveaxis(np.array(devices).reshape(shape), along, range(-len(along), 0))
    return _rows(grid.ravel().tolist(), math.prod(shape[axis] for axis in along))


def _device_order(text: str) -> list[int]:
    """Returns devices listed with commas, or counted up in a shape, [4,2], or in one whose axes are
    then put in another order: [4,2]T(1,0).
    """
    import numpy as np

    if not text.startswith("["):
        return [int(number) for number in text.split(",")]
    shape, _, axes = text.removesuffix(")").partition("T(")
    grid = np.arange(math.prod(_numbers(shape))).reshape(_numbers(shape))
    return (grid.transpose(_numbers(axes)) if axes else grid).ravel().tolist()


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _rows(devices: list[int], size: int) -> Groups:
    return tuple(tuple(devices[first : first + size]) for first in range(0, len(devices), size))


def _unknown(text: str) -> InputError:
    return InputError(
        f"the program's groups of devices {text!r} are in a form that is not known here; use the "
        "version of jaxlib that jaxrepro is tested with, or tell its authors"
    )
