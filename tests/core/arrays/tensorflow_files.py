"""Writes TensorFlow checkpoints of version 2, whole or with a defect."""

import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from jaxrepro.core.arrays.sorted_table import masked_checksum

DTYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int64": 9, "bool": 10, "float16": 19}
MAGIC = 0xDB4775248B80FB57


def varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def entry(array: np.ndarray, offset: int, *, dtype: int | None = None, extra: bytes = b"") -> bytes:
    data = np.ascontiguousarray(array).tobytes()
    shape = b"".join(field(2, field(1, size)) for size in array.shape)
    return b"".join(
        [
            field(1, DTYPES[array.dtype.name] if dtype is None else dtype),
            field(2, shape),
            field(4, offset),
            field(5, len(data)),
            varint(6 << 3 | 5) + masked_checksum(data).to_bytes(4, "little"),
            extra,
        ]
    )


def block_of(entries: list[tuple[bytes, bytes]], restart_every: int = 16) -> bytes:
    out, restarts, previous = b"", [], b""
    for index, (key, value) in enumerate(entries):
        shared = 0
        if index % restart_every == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
                shared += 1
        out += (
            varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        )
        previous = key
    restarts = restarts or [0]
    return out + b"".join(r.to_bytes(4, "little") for r in [*restarts, len(restarts)])


def table_of(
    entries: list[tuple[bytes, bytes]],
    *,
    per_block: int = 20,
    kind: int = 0,
    change: Callable[[bytes], bytes] = lambda block: block,
) -> bytes:
    """A sorted table.

    change: of each data block, before its checksum is taken. kind: how blocks say that they are
    compressed, which they are not.
    """
    out, index = b"", []

    def add(block: bytes) -> bytes:
        nonlocal out
        place = varint(len(out)) + varint(len(block))
        content = block + bytes([kind])
        out += content + masked_checksum(content).to_bytes(4, "little")
        return place

    for start in range(0, len(entries), per_block):
        part = entries[start : start + per_block]
        index.append((part[-1][0] + b"\0", add(change(block_of(part)))))
    statistics = add(block_of([]))
    footer = statistics + add(block_of(index, 1))
    return out + footer.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


def write_bundle(
    prefix: pathlib.Path,
    arrays: Mapping[str, np.ndarray],
    *,
    header: bytes = field(1, 1) + field(3, field(1, 1)),
    replaced: Mapping[str, bytes] | None = None,
    **table: object,
) -> None:
    """Writes a checkpoint of one data file. replaced: messages of entries that are not true."""
    offset, entries = 0, [(b"", header)]
    with prefix.with_name(prefix.name + ".data-00000-of-00001").open("wb") as file:
        for name in sorted(arrays, key=str.encode):
            array = arrays[name]
            message = (replaced or {}).get(name, entry(array, offset))
            entries.append((name.encode(), message))
            offset += file.write(np.ascontiguousarray(array).tobytes())
    prefix.with_name(prefix.name + ".index").write_bytes(table_of(entries, **table))
