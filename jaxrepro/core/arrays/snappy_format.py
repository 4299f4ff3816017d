"""Snappy's raw format, for the blocks of sorted tables."""

from jaxrepro.core.arrays.protobuf_wire import read_varint


def decompress(data: bytes, *, most: int) -> bytes:
    """Returns what a raw Snappy stream holds.

    most: bytes that it may become. Raises ValueError for damaged data and for more than that.
    """
    size, position = read_varint(data, 0)
    if size > most:
        raise ValueError(f"a compressed block of {size} bytes, {most} are allowed")
    out = bytearray()
    while position < len(data):
        tag = data[position]
        position += 1
        kind, upper = tag & 3, tag >> 2
        if kind == 0:
            # Lengths above 60 stand in the next 1 to 4 bytes.
            length = upper
            if upper >= 60:
                length, position = _number(data, position, upper - 59)
            length += 1
            if position + length > len(data):
                raise ValueError("a compressed block ends inside a literal")
            out += data[position : position + length]
            position += length
        else:
            if kind == 1:
                length = (upper & 7) + 4
                low, position = _number(data, position, 1)
                offset = (upper >> 3) << 8 | low
            else:
                length = upper + 1
                offset, position = _number(data, position, 2 if kind == 2 else 4)
            if not 0 < offset <= len(out):
                raise ValueError("a compressed block copies from before its start")
            # A copy may reach into what it writes: the bytes since `offset` repeat.
            repeated = bytes(out[len(out) - offset :][:length])
            out += (repeated * (length // len(repeated) + 1))[:length]
        if len(out) > size:
            break
    if len(out) != size:
        raise ValueError("a compressed block has another size than it says")
    return bytes(out)


def _number(data: bytes, position: int, num_bytes: int) -> tuple[int, int]:
    end = position + num_bytes
    if end > len(data):
        raise ValueError("a compressed block ends inside a number")
    return int.from_bytes(data[position:end], "little"), end
