"""What Pillow cannot do with PNG files: colour of 16 bits, and chunks about colour kept as is."""

import io
import itertools
import struct
import zlib

import numpy as np
import png
from PIL import Image

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.deflate_bombs import check_unpacked_size

# What the numbers mean as colours, where no ICC profile says it.
_COLOR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI")
_METERS_PER_INCH = 0.0254


def depth_and_color_chunks(data: bytes) -> tuple[int, tuple[tuple[bytes, bytes], ...]]:
    """Returns the bits of a sample, and the chunks (type, content) that describe the colours.

    Raises png.Error for damaged files.
    """
    depth, found = 0, []
    for kind, content in png.Reader(bytes=data).chunks():
        if kind == b"IHDR":
            depth = content[8]
        elif kind in _COLOR_CHUNKS:
            found.append((kind, content))
        elif kind == b"IDAT":
            break
    return depth, tuple(found)


def decode_wide(data: bytes) -> np.ndarray:
    """Returns the samples, uint16 [H, W, 1 to 4], of a PNG file of 16 bits.

    The declared size is to be checked before. Raises InputError for more data than that, and for
    damaged files whatever pypng raises.
    """
    width, height, rows, info = png.Reader(bytes=data).read()
    channels = info["planes"]
    # Interlaced, a file has seven smaller pictures, each with a filter byte a line.
    limit = height * (2 * width * channels + 2) + 7
    chunks = png.Reader(bytes=data).chunks()
    check_unpacked_size((content for kind, content in chunks if kind == b"IDAT"), limit)
    lines = [np.asarray(row, np.uint16) for row in itertools.islice(rows, height + 1)]
    if len(lines) != height:
        raise InputError(f"damaged: it has other than its {height} lines of pixels")
    return np.stack(lines).reshape(height, width, channels)


def encode(
    samples: np.ndarray,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    dots_per_inch: tuple[float, float] | None = None,
    color_chunks: tuple[tuple[bytes, bytes], ...] = (),
    compress_level: int = 6,
) -> bytes:
    """Returns the PNG file of uint8 or uint16 [H, W, C]; C is 1 grey, 3 RGB, and 1 more with alpha.

    exif: an EXIF block that begins with its byte order.
    compress_level: zlib's, 0 to 9, for 8 bits a sample.
    """
    about = list(color_chunks)
    if icc_profile is not None:
        about.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile)))
    if dots_per_inch is not None:
        per_meter = [round(x / _METERS_PER_INCH) for x in dots_per_inch]
        about.append((b"pHYs", struct.pack(">IIB", *per_meter, 1)))
    if exif is not None:
        about.append((b"eXIf", exif))
    header, *pixels = png.Reader(bytes=_bare_file(samples, compress_level)).chunks()
    file = io.BytesIO()
    png.write_chunks(file, [header, *about, *pixels])
    return file.getvalue()


def _bare_file(samples: np.ndarray, compress_level: int) -> bytes:
    """Returns a PNG file of the pixels alone."""
    height, width, channels = samples.shape
    file = io.BytesIO()
    if samples.dtype == np.uint8 or channels == 1:
        pixels = samples[..., 0] if channels == 1 else samples
        Image.fromarray(pixels).save(file, "PNG", compress_level=compress_level)
    else:
        writer = png.Writer(
            width, height, greyscale=channels == 2, alpha=channels in (2, 4), bitdepth=16
        )
        writer.write_packed(file, (row.tobytes() for row in samples.astype(">u2")))
    return file.getvalue()
