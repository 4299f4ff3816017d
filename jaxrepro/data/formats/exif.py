"""EXIF blocks: what a camera wrote about a picture, brought to another file and size."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from jaxrepro.core.errors import InputError

_ORIENTATION = ExifTags.Base.Orientation
_INTEROP = ExifTags.IFD.Interop
_WIDTH, _HEIGHT = ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight
# In a TIFF file the EXIF block is the file's own directory. These entries are about the picture,
# all others about how its pixels are stored. Resolution is kept apart.
_ABOUT_THE_PICTURE = frozenset(
    {
        ExifTags.Base.DocumentName,
        ExifTags.Base.ImageDescription,
        ExifTags.Base.Make,
        ExifTags.Base.Model,
        ExifTags.Base.PageName,
        ExifTags.Base.Software,
        ExifTags.Base.DateTime,
        ExifTags.Base.Artist,
        ExifTags.Base.HostComputer,
        ExifTags.Base.Rating,
        ExifTags.Base.Copyright,
        ExifTags.Base.XPTitle,
        ExifTags.Base.XPComment,
        ExifTags.Base.XPAuthor,
        ExifTags.Base.XPKeywords,
        ExifTags.Base.XPSubject,
    }
)
_DAMAGE = (struct.error, ValueError, TypeError, KeyError, AttributeError, OSError, SyntaxError)

# What brings a picture upright, by its orientation.
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda samples: np.rot90(samples, 2),
    4: np.flipud,
    5: lambda samples: samples.swapaxes(0, 1),
    6: lambda samples: np.rot90(samples, -1),
    7: lambda samples: np.rot90(samples, 2).swapaxes(0, 1),
    8: np.rot90,
}


def upright(samples: np.ndarray, orientation: int | None) -> np.ndarray:
    """Returns samples [H, W, C] turned and flipped as an EXIF orientation of 1 to 8 says."""
    turn = _TURNS.get(orientation or 1)
    return samples if turn is None else turn(samples)


def clean_exif(image: Image.Image) -> bytes | None:
    """Returns the EXIF block of a file without orientation and thumbnail; None if it has none.

    The block begins with its byte order, "II" or "MM". Raises InputError if it cannot be kept.
    """
    try:
        found = image.getexif()
        kept = {
            tag: value
            for tag, value in _entries(found).items()
            if image.format != "TIFF" or tag in _ABOUT_THE_PICTURE or isinstance(value, dict)
        }
        kept.pop(_ORIENTATION, None)
        return _block(kept, found.endian) if kept else None
    except _DAMAGE as error:
        raise InputError(f"its EXIF data are damaged ({error}); take them out first") from error


def exif_entries(block: bytes | None) -> dict[int, Any]:
    """Returns the entries of an EXIF block by their tags; a directory among them is a dict."""
    exif = Image.Exif()
    exif.load(block or b"")
    return _entries(exif)


def exif_of_size(block: bytes | None, width: int, height: int) -> bytes | None:
    """Returns an EXIF block in which the picture's size, if it is noted, is width x height."""
    entries = exif_entries(block)
    details = entries.get(ExifTags.IFD.Exif, {})
    if block is None or not {_WIDTH, _HEIGHT} & set(details):
        return block
    details.update({_WIDTH: width, _HEIGHT: height})
    return _block(entries, "<" if block[:2] == b"II" else ">")


def _entries(exif: Image.Exif) -> dict[int, Any]:
    entries = dict(exif)
    for tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        entries.pop(tag, None)
        if directory := dict(exif.get_ifd(tag)):
            entries[tag] = directory
    details = entries.get(ExifTags.IFD.Exif, {})
    if _INTEROP in details:
        details[_INTEROP] = dict(exif.get_ifd(_INTEROP))
    return _packed_text(entries)


def _packed_text(entries: dict[int, Any]) -> dict[int, Any]:
    # Pillow reads text as Latin-1, so that no byte is lost, but writes ASCII with question marks.
    packed = {}
    for tag, value in entries.items():
        if isinstance(value, dict):
            value = _packed_text(value)
        elif isinstance(value, str) and not value.isascii():
            value = value.encode("latin-1")
        packed[tag] = value
    return packed


def _block(entries: dict[int, Any], endian: str | None) -> bytes:
    exif = Image.Exif()
    # The maker's notes are numbers in the byte order of the block that they came in.
    exif.endian = endian
    for tag, value in entries.items():
        exif[tag] = value
    return exif.tobytes().removeprefix(b"Exif\0\0")
