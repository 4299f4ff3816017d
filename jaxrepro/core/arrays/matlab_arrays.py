"""Arrays out of MATLAB files of level 5 (`save -v6` and `-v7`).

SciPy's reader is written for files that are in order: damaged ones end it in many types of errors,
and some end the process. Here every length is checked before it is used.
"""

import math
import pathlib
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from jaxrepro.core.errors import InputError

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
# By the type in an element's tag.
_NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
# By the class of an array, whatever type its numbers are stored in to save space.
_FLOATS = {6: np.float64, 7: np.float32}
_COMPLEX = 0x0800
# Of one array, decompressed: more is no network but a decompression bomb.
_MOST_BYTES = 2**28


class _DamagedError(Exception):
    """What is wrong with the bytes."""


def read_mat(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the real arrays of floating numbers in a file, by name, with two axes or more.

    Other variables (text, cells, structures, whole numbers) are left out. Reading runs no code.

    Raises InputError for a file that cannot be read, is damaged or of another version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        return dict(_arrays(content))
    except _DamagedError as error:
        raise InputError(f"cannot read {path} as a MATLAB file: {error}") from error


def _arrays(content: bytes) -> Iterator[tuple[str, np.ndarray]]:
    mark = content[_HEADER - 2 : _HEADER]
    if mark not in (b"IM", b"MI"):
        raise _DamagedError("it is not of level 5; save it with -v7")
    order = "<" if mark == b"IM" else ">"
    if struct.unpack(f"{order}H", content[_HEADER - 4 : _HEADER - 2]) != (0x0100,):
        raise _DamagedError("it is of another version, such as 7.3; save it with -v7")
    for kind, data in _elements(content[_HEADER:], order):
        if kind == _COMPRESSED:
            ((kind, data),) = _elements(_decompressed(data), order, most=1)
        if kind == _MATRIX and (found := _array(data, order)):
            yield found


def _decompressed(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise _DamagedError(str(error)) from error
    if not stream.eof:
        raise _DamagedError(f"an array is cut off, or larger than {_MOST_BYTES} bytes")
    return content


def _elements(data: bytes, order: str, most: int | None = None) -> list[tuple[int, bytes]]:
    """Returns (type, content) of the elements that `data` is made of, at most the first `most`."""
    found, start = [], 0
    while start < len(data) and len(found) != most:
        if len(data) - start < 8:
            raise _DamagedError("it ends within a tag")
        kind, size = struct.unpack_from(f"{order}II", data, start)
        # Up to four bytes may stand in the tag itself, with their number above their type.
        is_small = kind > 0xFFFF
        first = start + (4 if is_small else 8)
        if is_small:
            kind, size = kind & 0xFFFF, kind >> 16
        if size > (4 if is_small else len(data) - first):
            raise _DamagedError(f"an element of {size} bytes does not fit in")
        found.append((kind, data[first : first + size]))
        # All but compressed elements are filled up to whole tags.
        padded = size if kind == _COMPRESSED else -(-size // 8) * 8
        start += 8 if is_small else 8 + padded
    if most is not None and len(found) < most:
        raise _DamagedError("an array is empty")
    return found


def _array(data: bytes, order: str) -> tuple[str, np.ndarray] | None:
    """Returns (name, array) of the content of a matrix element, None if it is of another kind."""
    parts = _elements(data, order, most=4)
    (_, flags), (_, shape), (_, name), (kind, numbers) = parts
    if len(flags) != 8 or len(shape) % 4:
        raise _DamagedError("an array says neither its class nor its shape")
    (described,) = struct.unpack_from(f"{order}I", flags)
    dtype = _FLOATS.get(described & 0xFF)
    if dtype is None or described & _COMPLEX:
        return None
    sizes = struct.unpack(f"{order}{len(shape) // 4}i", shape)
    if kind not in _NUMBERS:
        raise _DamagedError(f"numbers of type {kind}")
    stored = np.dtype(order + _NUMBERS[kind])
    if min(sizes, default=-1) < 0 or math.prod(sizes) * stored.itemsize != len(numbers):
        raise _DamagedError(f"{len(numbers)} bytes are no array of shape {sizes}")
    with np.errstate(invalid="ignore"):  # Of a NaN that signals, in a single.
        values = np.frombuffer(numbers, stored).astype(dtype)
    return name.decode("latin-1"), values.reshape(sizes, order="F")
