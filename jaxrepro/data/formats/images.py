"""Image files to arrays, whatever mode the file is in."""

import io
import os
import pathlib
import warnings

import numpy as np
from PIL import ExifTags, Image, ImageOps

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.picture_files import (
    DECODE_ERRORS,
    TRANSPARENT,
    decode_any,
    seen_colors,
)

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
SUFFIXES = (".png", *_JPEG_SUFFIXES, ".webp", ".bmp", ".gif", ".tif", ".tiff")
# Only these decoders run: Pillow also knows formats that start other programs (EPS).
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
# EXIF orientations in which width and height change places.
_SWAPPING = (5, 6, 7, 8)
# How the modes of pictures without colour begin.
_GREY = ("1", "L", "I;16")
# Pillow warns of a damaged file that it then refuses.
warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def decode_image(
    data: bytes | os.PathLike[str], *, channels: int | None, name: str, upright: bool = True
) -> np.ndarray:
    """Pixels of an encoded image, uint8 [H, W, channels].

    The EXIF orientation is applied, transparent pixels are laid over white, 16-bit grey is scaled
    to 8 bits, the first frame of an animation is taken, CMYK and palette images become RGB, and
    colour becomes grey by ITU-R 601 luma. TIFF is read as by `picture_files.read_picture`: what
    that refuses, such as several pages, is refused here too.

    Args:
      data: the bytes of a file, or its path.
      channels: 3 for RGB, 1 for grey, None for what the file has.
      name: what to call the image in an error.
      upright: False leaves the pixels as they are stored, whatever the EXIF orientation.

    Raises:
      InputError: if the image cannot be decoded, is larger than Pillow's safety limit, or is
        transparent all over and so would be nothing but white.
    """
    if channels not in (1, 3, None):
        raise InputError(f"channels={channels} given; allowed are 1 (grey) and 3 (RGB)")
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    try:
        with Image.open(file, formats=_FORMATS) as image:
            limit = Image.MAX_IMAGE_PIXELS
            if limit is not None and image.width * image.height > limit:
                raise InputError(_too_large(name))
            if image.format == "TIFF":
                if not upright and image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
                    raise _RefusedError("a TIFF that is stored turned; save it upright, as PNG")
                pixels = _tiff_pixels(file, channels)
            else:
                pixels = _pixels(ImageOps.exif_transpose(image) if upright else image, channels)
    except _BOMBS as error:
        raise InputError(_too_large(name)) from error
    except _RefusedError as error:
        raise InputError(f"{name}: {error}") from error
    except InputError:
        raise
    except DECODE_ERRORS as error:
        raise InputError(f"{name}: not a readable image ({error}); repair or remove it") from error
    return pixels


def orientation_of(path: os.PathLike[str]) -> int:
    """Returns the EXIF orientation of a picture, 1 to 8; 1 if it has none.

    A JPEG is not decoded for it. Raises InputError if the file is no readable picture.
    """
    return _head(path)[1]


def picture_sizes(path: os.PathLike[str]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns (width, height) of the pixels as stored and of the upright picture.

    A JPEG is not decoded for it. Raises InputError if the file is no readable picture.
    """
    (width, height), orientation = _head(path)
    turned = orientation in _SWAPPING
    return (width, height), (height, width) if turned else (width, height)


def _head(path: os.PathLike[str]) -> tuple[tuple[int, int], int]:
    """Returns (width, height) as stored, and the EXIF orientation."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return image.size, image.getexif().get(ExifTags.Base.Orientation, 1)
    except _BOMBS as error:
        raise InputError(_too_large(str(path))) from error
    except DECODE_ERRORS as error:
        raise InputError(f"{path}: not a readable image ({error}); repair or remove it") from error


def encode_png(image: np.ndarray) -> bytes:
    """PNG bytes of `image`, uint8 [H, W, 1 or 3]; decoding gives the same pixels back."""
    file = io.BytesIO()
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    # Level 3 writes photographs of 128 pixels 1.8 times as fast as the default 6, no larger.
    Image.fromarray(pixels).save(file, "PNG", compress_level=3)
    return file.getvalue()


class _RefusedError(InputError):
    """Why a picture is not read, without its name."""


def _tiff_pixels(file: io.BytesIO | os.PathLike[str], channels: int | None) -> np.ndarray:
    data = file.getvalue() if isinstance(file, io.BytesIO) else pathlib.Path(file).read_bytes()
    try:
        color = seen_colors(decode_any(data))
    except InputError as error:
        raise _RefusedError(str(error)) from error
    if channels in (None, color.shape[2]):
        return color
    image = Image.fromarray(color[..., 0] if color.shape[2] == 1 else color)
    return _pixels(image, channels)


def _pixels(image: Image.Image, channels: int | None) -> np.ndarray:
    if channels is None:
        channels = 1 if image.mode.startswith(_GREY) else 3
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint32)
        image = Image.fromarray(((grey + 128) // 257).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise _RefusedError(
            f"32-bit pixels (mode {image.mode}) are not supported; store 8 or 16 bits"
        )
    elif image.mode in ("LA", "PA", "La", "RGBa", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA")
        if not np.asarray(image)[..., 3].any():
            raise _RefusedError(TRANSPARENT)
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    if channels == 1:
        return np.array(image.convert("L"))[..., None]
    return np.array(image.convert("RGB"))


def _too_large(name: str) -> str:
    return (
        f"{name}: more than {Image.MAX_IMAGE_PIXELS} pixels, refused as a decompression bomb; "
        "shrink or remove it"
    )
