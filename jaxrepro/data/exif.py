"""EXIF blocks: what a camera wrote about a picture, brought to another file and size."""

import struct
from typing import Any

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
    return entries


def _block(entries: dict[int, Any], endian: str | None) -> bytes:
    exif = Image.Exif()
    # The maker's notes are numbers in the byte order of the block that they came in.
    exif.endian = endian
    for tag, value in entries.items():
        exif[tag] = value
    return exif.tobytes().removeprefix(b"Exif\0\0")
