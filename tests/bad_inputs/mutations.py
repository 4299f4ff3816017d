"""Damage to bytes and to JSON."""

import copy
import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Damage = Callable[[bytes, np.random.Generator], bytes]


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns a beginning: at least a byte is left, at least a byte is missing."""
    return content[: int(rng.integers(1, len(content)))]


def halved(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns the first half."""
    del rng
    return content[: len(content) // 2]


def emptied(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns nothing."""
    del content, rng
    return b""


def header_flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns the content with three bits of the first 64 bytes turned."""
    return _flipped(content, rng, 3, min(64, len(content)))


def bit_flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns the content with one bit turned somewhere."""
    return _flipped(content, rng, 1, len(content))


def bytes_flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns the content with 20 bits turned anywhere."""
    return _flipped(content, rng, 20, len(content))


def zeroed(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns the content with a quarter of it zero, as after a lost block."""
    length = max(1, len(content) // 4)
    start = int(rng.integers(0, len(content) - length + 1))
    return content[:start] + bytes(length) + content[start + length :]


def random_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns noise of the same length."""
    return rng.bytes(len(content))


def _flipped(content: bytes, rng: np.random.Generator, count: int, end: int) -> bytes:
    data = bytearray(content)
    for place in rng.choice(end, min(count, end), replace=False):
        data[place] ^= 1 << int(rng.integers(8))
    return bytes(data)


def damage(path: pathlib.Path, how: Damage, rng: np.random.Generator) -> None:
    """Replaces the content of a file by its damaged form."""
    path.write_bytes(how(path.read_bytes(), rng))


def npz_renamed(path: pathlib.Path, rng: np.random.Generator) -> None:
    """Gives every array of an .npz another name."""
    del rng
    _change_npz(path, lambda arrays: {f"{name}_old": a for name, a in arrays.items()})


def npz_of_objects(path: pathlib.Path, rng: np.random.Generator) -> None:
    """Writes an .npz that holds a pickled object."""
    del rng
    _change_npz(path, lambda arrays: {"x": np.array([{"a": 1}], object)})


def npz_of_nan(path: pathlib.Path, rng: np.random.Generator) -> None:
    """Makes every number of an .npz NaN."""
    del rng
    _change_npz(path, lambda arrays: {k: np.full_like(a, np.nan) for k, a in arrays.items()})


def npz_flat(path: pathlib.Path, rng: np.random.Generator) -> None:
    """Makes every array of an .npz a vector."""
    del rng
    _change_npz(path, lambda arrays: {k: a.reshape(-1) for k, a in arrays.items()})


def _change_npz(path: pathlib.Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    with path.open("wb") as file:
        np.savez(file, **change(arrays))


_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, "", "x", "\u2603", [], [[]], {}, {"x": 1}, float("nan"),
)  # fmt: skip


def altered_json(path: pathlib.Path, rng: np.random.Generator) -> str:
    """Changes one value, of any depth, of a JSON file; returns what was changed."""
    content = json.loads(path.read_bytes())
    changed = copy.deepcopy(content)
    place = _places(content)[int(rng.integers(len(_places(content))))]
    holder = changed
    for key in place[:-1]:
        holder = holder[key]
    choice = int(rng.integers(len(_VALUES) + 1))
    if choice == len(_VALUES):
        del holder[place[-1]]
    else:
        holder[place[-1]] = _VALUES[choice]
    path.write_text(json.dumps(changed), encoding="utf-8")
    return ".".join(map(str, place))


def set_json(path: pathlib.Path, key: str, value: Any) -> None:
    """Sets the value under a dotted key of a JSON file."""
    content = json.loads(path.read_bytes())
    holder = content
    *parents, last = key.split(".")
    for parent in parents:
        holder = holder[int(parent)] if isinstance(holder, list) else holder[parent]
    holder[int(last) if isinstance(holder, list) else last] = value
    path.write_text(json.dumps(content), encoding="utf-8")


def remove_json(path: pathlib.Path, key: str) -> None:
    """Removes a top-level key of a JSON file."""
    content = json.loads(path.read_bytes())
    del content[key]
    path.write_text(json.dumps(content), encoding="utf-8")


def _places(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [prefix] if prefix else []
    if isinstance(value, Mapping):
        for key, inner in value.items():
            found += _places(inner, (*prefix, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:3]):
            found += _places(inner, (*prefix, index))
    return found
