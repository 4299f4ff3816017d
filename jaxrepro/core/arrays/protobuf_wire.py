"""The wire format of protocol buffers: fields by number, without a schema."""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Returns (the number at `position`, the position after it).

    At most ten bytes, of which 64 bits count. Raises ValueError where the data end inside it or it
    is longer.
    """
    value = 0
    for index in range(10):
        if position + index >= len(data):
            raise ValueError("the data end inside a number")
        byte = data[position + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & (1 << 64) - 1, position + index + 1
    raise ValueError("a number of more than ten bytes")


def fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yields (field number, wire type, value) of a message in its order.

    The value is bytes for `BYTES`, else an unsigned number; both fixed types are little-endian.
    Raises ValueError for damaged data, and for groups, which nothing writes any more.
    """
    position = 0
    while position < len(message):
        key, position = read_varint(message, position)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field of number 0")
        if kind == VARINT:
            value, position = read_varint(message, position)
        else:
            if kind == BYTES:
                size, position = read_varint(message, position)
            elif kind in _FIXED:
                size = _FIXED[kind]
            else:
                raise ValueError(f"a field of the wire type {kind}")
            if position + size > len(message):
                raise ValueError("the data end inside a field")
            content = message[position : position + size]
            position += size
            value = content if kind == BYTES else int.from_bytes(content, "little")
        yield number, kind, value
