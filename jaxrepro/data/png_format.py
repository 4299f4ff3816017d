"""PNG files of 8 and 16 bits with colour profile, EXIF data and resolution.

Written after the PNG specification (ISO/IEC 15948, third edition). Pillow writes no 16-bit colour.
"""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
# What the numbers mean as colours, where no ICC profile says it.
_COLOR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI")
_METERS_PER_INCH = 0.0254
_ROWS_AT_ONCE = 256


def depth_and_color_chunks(data: bytes) -> tuple[int, tuple[tuple[bytes, bytes], ...]]:
    """Returns the bits of a sample, and the chunks (type, content) that describe the colours."""
    depth, chunks, at = 0, [], len(_SIGNATURE)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + size]
        if kind == b"IHDR" and size == 13:
            depth = content[8]
        elif kind in _COLOR_CHUNKS:
            chunks.append((kind, content))
        elif kind == b"IDAT":
            break
        at += 12 + size
    return depth, tuple(chunks)


def encode(
    samples: np.ndarray,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    dots_per_inch: tuple[float, float] | None = None,
    color_chunks: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """Returns the PNG file of uint8 or uint16 [H, W, C]; C is 1 grey, 3 RGB, and 1 more with alpha.

    exif: an EXIF block that begins with its byte order.
    """
    height, width, channels = samples.shape
    depth = 8 * samples.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOR_TYPES[channels], 0, 0, 0)
    parts = [_SIGNATURE, _chunk(b"IHDR", header)]
    parts += [_chunk(kind, content) for kind, content in color_chunks]
    if icc_profile is not None:
        parts.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile)))
    if dots_per_inch is not None:
        per_meter = [round(x / _METERS_PER_INCH) for x in dots_per_inch]
        parts.append(_chunk(b"pHYs", struct.pack(">IIB", *per_meter, 1)))
    if exif is not None:
        parts.append(_chunk(b"eXIf", exif))
    compressor = zlib.compressobj()
    for rows in _filtered(samples):
        if compressed := compressor.compress(rows):
            parts.append(_chunk(b"IDAT", compressed))
    parts += [_chunk(b"IDAT", compressor.flush()), _chunk(b"IEND", b"")]
    return b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _filtered(samples: np.ndarray) -> Iterator[bytes]:
    """Yields scan lines, each by the filter of the smallest differences (section 12.7)."""
    height, width, channels = samples.shape
    pixel = channels * samples.dtype.itemsize
    above = np.zeros((1, width * pixel), np.uint8)
    for start in range(0, height, _ROWS_AT_ONCE):
        band = samples[start : start + _ROWS_AT_ONCE]
        lines = np.ascontiguousarray(band, band.dtype.newbyteorder(">")).view(np.uint8)
        lines = lines.reshape(len(band), -1)
        up = np.concatenate([above, lines[:-1]])
        left, up_left = (np.pad(x, ((0, 0), (pixel, 0)))[:, :-pixel] for x in (lines, up))
        mean = ((left.astype(np.uint16) + up) // 2).astype(np.uint8)
        guesses = [np.zeros_like(lines), left, up, mean, _paeth(left, up, up_left)]
        candidates = np.stack([lines - guess for guess in guesses])
        costs = np.abs(candidates.view(np.int8).astype(np.int16)).sum(axis=2, dtype=np.int64)
        chosen = costs.argmin(axis=0)
        best = candidates[chosen, np.arange(len(band))]
        yield np.concatenate([chosen[:, None].astype(np.uint8), best], axis=1).tobytes()
        above = lines[-1:]


def _paeth(left: np.ndarray, up: np.ndarray, up_left: np.ndarray) -> np.ndarray:
    """Returns, of three neighbours, the one nearest to left + up - up_left (section 9.4)."""
    a, b, c = (x.astype(np.int16) for x in (left, up, up_left))
    to_a, to_b, to_c = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    return np.where((to_a <= to_b) & (to_a <= to_c), left, np.where(to_b <= to_c, up, up_left))
