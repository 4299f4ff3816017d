"""TensorFlow's checkpoint files of version 2, read without TensorFlow; nothing in them is run.

A checkpoint "model.ckpt" is the files model.ckpt.index, a sorted table from a variable's name to
where it lies, and model.ckpt.data-00000-of-00001 and so on, which hold the numbers.
"""

import dataclasses
import math
import os
import pathlib
from collections.abc import Collection, Mapping

import numpy as np

from jaxrepro.core.arrays import protobuf_wire
from jaxrepro.core.arrays.sorted_table import masked_checksum, read_table
from jaxrepro.core.errors import InputError

INDEX = ".index"
# Far above what the names and places of any network take.
_MOST_INDEX_BYTES = 64 << 20
_MOST_BYTES = 8 << 30
_MOST_AXES = 32

# Of tensorflow/core/framework/types.proto, the kinds that numpy has.
_DTYPES = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "u1",
    5: "<i2",
    6: "i1",
    8: "<c8",
    9: "<i8",
    10: "?",
    17: "<u2",
    18: "<c16",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
_DTYPE_NAMES = {7: "strings", 14: "bfloat16", 20: "resources", 21: "variants"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """Where one variable lies.

    dtype: TensorFlow's number of it. shard: which data file. checksum: masked CRC-32C of the bytes.
    """

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


def checkpoint_prefix(path: str | os.PathLike[str]) -> pathlib.Path | None:
    """Returns the checkpoint that `path` names, without ".index", or None if it names none.

    path: the common beginning of the files' names, the index file, or a folder that holds one
    index file.
    """
    path = pathlib.Path(path)
    if path.name.endswith(INDEX) and path.is_file():
        return path.with_name(path.name.removesuffix(INDEX))
    if path.is_dir():
        found = sorted(path.glob("*" + INDEX))
        return checkpoint_prefix(found[0]) if len(found) == 1 else None
    return path if path.with_name(path.name + INDEX).is_file() else None


def read_bundle(
    prefix: str | os.PathLike[str],
    names: Collection[str] | None = None,
    *,
    most_bytes: int = _MOST_BYTES,
) -> dict[str, np.ndarray]:
    """Returns the variables of a checkpoint by name, each verified by its checksum.

    prefix: as `checkpoint_prefix` takes it. names: which to read; None is all. most_bytes: that
    the data files may have; what is read never takes more memory than they have bytes.

    Raises InputError, one line with the file, if a file is absent, damaged or too large, a name is
    not there, or a variable is of a kind that numpy lacks (strings, bfloat16), in big-endian order
    or written in slices, as partitioned variables are; and without the package google-crc32c.
    """
    given = pathlib.Path(prefix)
    found = checkpoint_prefix(given)
    if found is None:
        raise InputError(
            f"no TensorFlow checkpoint {given}: give the beginning of the names of its files, "
            f"such as model.ckpt for model.ckpt{INDEX}"
        )
    index = found.with_name(found.name + INDEX)
    try:
        num_shards, entries = _read_index(index)
        if absent := sorted(set(names or ()) - set(entries)):
            raise ValueError(
                f"no variables {', '.join(absent[:5])}; it has {', '.join(sorted(entries)[:5])} ..."
            )
        wanted = {name: entry for name, entry in entries.items() if names is None or name in names}
        shards = _open_shards(found, num_shards, wanted.values(), most_bytes)
        _check_total(wanted, shards)
        return {name: _array(name, entry, shards[entry.shard]) for name, entry in wanted.items()}
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{index}: not a readable TensorFlow checkpoint: {error}") from error
    except OSError as error:
        raise InputError(f"cannot read {error.filename or index}: {error.strerror}") from error


def _read_index(path: pathlib.Path) -> tuple[int, dict[str, Entry]]:
    """Returns (number of data files, entries by name)."""
    if path.stat().st_size > _MOST_INDEX_BYTES:
        raise ValueError(f"its index has more than {_MOST_INDEX_BYTES >> 20} MiB")
    table = read_table(path.read_bytes(), most=_MOST_INDEX_BYTES)
    if b"" not in table:
        raise ValueError("it has no header")
    num_shards = _num_shards(table.pop(b""))
    entries = {}
    for key, value in table.items():
        if key.startswith(b"\0"):
            raise ValueError("it has slices of variables; save it with unpartitioned variables")
        name = key.decode("utf-8")
        entries[name] = _entry(name, value)
    return num_shards, entries


def _num_shards(header: bytes) -> int:
    """Returns the number of data files of a BundleHeaderProto."""
    values = _numbers(header)
    if values.get(2, 0) != 0:
        raise ValueError("its numbers are big-endian, which is not supported")
    num_shards = values.get(1, 0)
    if not 0 < num_shards < 100_000:
        raise ValueError(f"it has {num_shards} data files")
    return num_shards


def _entry(name: str, message: bytes) -> Entry:
    """Returns what a BundleEntryProto says."""
    values = _numbers(message)
    shape: tuple[int, ...] = ()
    for number, kind, value in protobuf_wire.fields(message):
        if number == 2 and isinstance(value, bytes):
            shape += _shape(name, value)
        if number == 7 and kind == protobuf_wire.BYTES:
            raise ValueError(
                f"{name} is written in slices; save the checkpoint with unpartitioned variables"
            )
    dtype, offset, size = (values.get(number, 0) for number in (1, 4, 5))
    return Entry(dtype, shape, values.get(3, 0), offset, size, values.get(6, 0))


def _numbers(message: bytes) -> dict[int, int]:
    """Returns the fields of a message that are numbers; of repeated ones, the last."""
    return {n: value for n, _, value in protobuf_wire.fields(message) if isinstance(value, int)}


def _shape(name: str, message: bytes) -> tuple[int, ...]:
    """Returns the sizes of a TensorShapeProto."""
    sizes = []
    for number, _, value in protobuf_wire.fields(message):
        if number == 2 and isinstance(value, bytes):
            sizes.append(_numbers(value).get(1, 0))
        if number == 3 and value:
            raise ValueError(f"{name} has no known shape")
    # An unsigned reading of -1, an unknown size, is huge.
    if len(sizes) > _MOST_AXES or any(size >= 1 << 40 for size in sizes):
        raise ValueError(f"{name} has no possible shape")
    return tuple(sizes)


def _open_shards(
    prefix: pathlib.Path, num_shards: int, entries: Collection[Entry], most_bytes: int
) -> Mapping[int, np.ndarray]:
    """Returns the bytes of the data files that are needed, mapped into memory."""
    shards = {}
    for shard in sorted({entry.shard for entry in entries}):
        if shard >= num_shards:
            raise ValueError(f"a variable lies in data file {shard + 1} of {num_shards}")
        path = prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{num_shards:05d}")
        # Of an empty file there is no map.
        size = path.stat().st_size
        shards[shard] = np.memmap(path, np.uint8, "r") if size else np.zeros(0, np.uint8)
    if (total := sum(len(data) for data in shards.values())) > most_bytes:
        raise ValueError(f"its data have {total} bytes, {most_bytes} are allowed")
    return shards


def _check_total(entries: Mapping[str, Entry], shards: Mapping[int, np.ndarray]) -> None:
    """Raises ValueError where variables overlap so that they need more memory than the files."""
    for shard, data in shards.items():
        needed = sum(entry.size for entry in entries.values() if entry.shard == shard)
        if needed > len(data):
            raise ValueError(
                f"data file {shard + 1} has {len(data)} bytes for variables of {needed}: it is cut "
                "short or of another checkpoint"
            )


def _array(name: str, entry: Entry, data: np.ndarray) -> np.ndarray:
    if entry.dtype not in _DTYPES:
        kind = _DTYPE_NAMES.get(entry.dtype, f"numbers of the kind {entry.dtype}")
        raise ValueError(f"{name} holds {kind}, which cannot be read; leave it out by `names`")
    dtype = np.dtype(_DTYPES[entry.dtype])
    if entry.size != math.prod(entry.shape) * dtype.itemsize:
        raise ValueError(f"{name} of shape {entry.shape} has {entry.size} bytes")
    if entry.offset + entry.size > len(data):
        raise ValueError(f"{name} lies beyond the end of its data file")
    content = np.array(data[entry.offset : entry.offset + entry.size])
    if masked_checksum(content) != entry.checksum:
        raise ValueError(f"the checksum of {name} is wrong: the data file is damaged")
    if dtype == np.bool_ and (content > 1).any():
        raise ValueError(f"{name} holds bytes that are no truth values")
    return content.view(dtype).reshape(entry.shape)
