"""Colour of 16 bits a channel out of Pillow, which has images of 8 only."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageOps

from jaxrepro.core.errors import InputError

# Only these decoders run on files that nobody vouches for: Pillow also knows formats that start
# other programs (EPS).
_DECODERS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")


def open_picture(data: bytes) -> ImageFile.ImageFile:
    """Returns the picture in a file's bytes, not decoded yet. Raises what Pillow raises."""
    return Image.open(io.BytesIO(data), formats=_DECODERS)


def raw_mode(image: ImageFile.ImageFile) -> str:
    """Returns how Pillow is about to unpack the pixels of a file that is not decoded yet."""
    modes = {_arguments(tile)[0] for tile in image.tile}
    return modes.pop() if len(modes) == 1 else "several ways"


def wide_samples(data: bytes, mode: str, high: np.ndarray) -> np.ndarray:
    """Returns the upright uint16 samples [H, W, 2 to 4] of a PNG or TIFF with several channels.

    Pillow keeps one of a sample's two bytes, the one that its raw mode names. So the file is
    decoded once more for the other.

    data: the file. mode: its `raw_mode`. high: uint8 [H, W, 3 or 4], what Pillow makes of it.
    """
    if mode == "LA;16B":
        # Four bytes a pixel, whatever they are called: grey's high and low, alpha's high and low.
        parts = _decode(data, "RGBA").astype(np.uint16)
        return parts[..., 0::2] << 8 | parts[..., 1::2]
    name, _, order = mode.rpartition(";16")
    if name not in ("RGB", "RGBA") or order not in ("L", "B", "N"):
        raise InputError(f"16-bit pixels stored as {mode} are not supported; save it as PNG")
    if order == "N":
        order = "L" if np.little_endian else "B"
    other = {"L": "B", "B": "L"}[order]
    return high.astype(np.uint16) << 8 | _decode(data, f"{name};16{other}")


def _decode(data: bytes, mode: str) -> np.ndarray:
    with open_picture(data) as image:
        image.tile = [tile._replace(args=(mode, *_arguments(tile)[1:])) for tile in image.tile]
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return np.array(image)


def _arguments(tile: Any) -> tuple[Any, ...]:
    return tile.args if isinstance(tile.args, tuple) else (tile.args,)
