"""Small files that unpack to more data than their picture has."""

import zlib
from collections.abc import Iterable

from jaxrepro.core.errors import InputError


def check_unpacked_size(parts: Iterable[bytes], limit: int) -> None:
    """Raises InputError if a zlib stream, given in parts, unpacks to more than `limit` bytes.

    Raises zlib.error if it is damaged. Libraries that unpack a stream in one go need this first.
    """
    stream = zlib.decompressobj()
    for part in parts:
        limit -= len(stream.decompress(part, limit + 1))
        if limit < 0:
            raise InputError(
                "its compressed data hold more than the picture, refused as a decompression bomb"
            )
