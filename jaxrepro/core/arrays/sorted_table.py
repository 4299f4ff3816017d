"""Sorted tables of keys and values in a file, as LevelDB and TensorFlow write them.

    data blocks | ... | index block | footer of 48 bytes

A block is entries, each with the part of its key that differs from the key before, then positions
of whole keys, then one byte that says how it is compressed and a masked CRC-32C of all before.
The index block's values are the places of the data blocks. TensorFlow compresses none of them.
"""

from collections.abc import Iterator

import numpy as np

from jaxrepro.core.arrays.protobuf_wire import read_varint
from jaxrepro.core.errors import InputError

_FOOTER = 48
_MAGIC = 0xDB4775248B80FB57
_TRAILER = 5
_RAW = 0
_MASK_DELTA = 0xA282EAD8
# The checksum's package takes bytes alone: copied piece by piece, not a second time as a whole.
_PIECE = 16 << 20


def masked_checksum(data: bytes | np.ndarray) -> int:
    """Returns the CRC-32C of the bytes in the form in which LevelDB stores it next to them.

    data: bytes, or uint8 [N]. Raises InputError where the package google-crc32c is not installed.
    """
    try:
        import google_crc32c
    except ImportError as error:
        raise InputError(
            "reading TensorFlow checkpoints needs google-crc32c; install it with: "
            "pip install 'jaxrepro[tensorflow-checkpoints]'"
        ) from error
    content, crc = np.frombuffer(data, np.uint8), 0
    for start in range(0, len(content), _PIECE):
        crc = google_crc32c.extend(crc, content[start : start + _PIECE].tobytes())
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def read_table(data: bytes, *, most: int) -> dict[bytes, bytes]:
    """Returns all keys and values of the bytes of a table, in their order.

    most: bytes that keys and values, and that all blocks, may have, so that a small file of
    repeated blocks or keys cannot fill the memory. Every checksum is verified.

    Raises ValueError with the reason where the data are damaged or too large or a block is
    compressed; InputError as in `masked_checksum`.
    """
    if len(data) < _FOOTER or int.from_bytes(data[-8:], "little") != _MAGIC:
        raise ValueError("no sorted table: its last bytes are not those of one")
    footer = data[-_FOOTER:-8]
    # The first place is that of a block of statistics, which holds nothing of interest.
    position = 0
    for _ in range(2):
        _, position = read_varint(footer, position)
    index_place, _ = _place(footer, position)
    table: dict[bytes, bytes] = {}
    previous = None
    left, left_in_blocks = most, most
    for _, value in _entries(_block(data, index_place, most)):
        place, _ = _place(value, 0)
        block = _block(data, place, left_in_blocks)
        left_in_blocks -= len(block)
        for key, content in _entries(block):
            # Keys count as a whole, however little of them is stored.
            left -= len(key) + len(content)
            if left < 0:
                raise ValueError(f"its keys and values have more than {most} bytes")
            if previous is not None and key <= previous:
                raise ValueError("its keys are not in order")
            table[key] = content
            previous = key
    return table


def _place(data: bytes, position: int) -> tuple[tuple[int, int], int]:
    offset, position = read_varint(data, position)
    size, position = read_varint(data, position)
    return (offset, size), position


def _block(data: bytes, place: tuple[int, int], most: int) -> bytes:
    offset, size = place
    end = offset + size
    if end + _TRAILER > len(data) - _FOOTER:
        raise ValueError("a block lies outside of the file")
    kind = data[end]
    stored = int.from_bytes(data[end + 1 : end + _TRAILER], "little")
    if masked_checksum(data[offset : end + 1]) != stored:
        raise ValueError("the checksum of a block is wrong")
    if kind != _RAW:
        raise ValueError(
            f"a block is compressed (kind {kind}), and TensorFlow writes none; save it with "
            "TensorFlow"
        )
    if size > most:
        raise ValueError(f"its blocks have more than the {most} bytes that are left for them")
    return data[offset:end]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    num_restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (num_restarts + 1)
    if len(block) < 4 or end < 0:
        raise ValueError("a block is shorter than its list of keys")
    position, key = 0, b""
    while position < end:
        shared, position = read_varint(block, position)
        unshared, position = read_varint(block, position)
        size, position = read_varint(block, position)
        if shared > len(key) or position + unshared + size > end:
            raise ValueError("an entry reaches over the end of its block")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + size]
        position += size
