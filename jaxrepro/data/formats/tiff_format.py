"""What Pillow cannot do with TIFF files: colour of 16 bits, and EXIF in its own byte order."""

import io
import math
from typing import Any

import numpy as np
import tifffile
from PIL import ExifTags, Image, TiffImagePlugin

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.deflate_bombs import check_unpacked_size
from jaxrepro.data.formats.exif import exif_entries

_X_RESOLUTION, _Y_RESOLUTION = ExifTags.Base.XResolution, ExifTags.Base.YResolution
_RESOLUTION_UNIT = ExifTags.Base.ResolutionUnit
_INCH = 2
_DEFLATE = (tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE)
# What tifffile unpacks alone. Others need a library of codecs written in C.
_COMPRESSIONS = (tifffile.COMPRESSION.NONE, tifffile.COMPRESSION.PACKBITS, *_DEFLATE)
_LARGEST_PADDED_TILE = 2**23
# Entries that say how the pixels are stored; the file has its own.
_OF_THE_FILE = tifffile.TIFF.TAG_FILTERED | {
    ExifTags.Base.Orientation,
    ExifTags.Base.InterColorProfile,
    _X_RESOLUTION,
    _Y_RESOLUTION,
    _RESOLUTION_UNIT,
}
# tifffile leaves out entries that point to a directory, unless they are named. Until theirs is
# there, they point to the file's first, for tifffile follows them on opening.
_FIRST_DIRECTORY = 8
_DIRECTORIES = {ExifTags.IFD.Exif: "ExifTag", ExifTags.IFD.GPSInfo: "GPSTag"}


def depth_of(image: Image.Image) -> int:
    """Returns the bits of a sample; raises InputError for pixels that would be misread."""
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    tags = image.tag_v2
    depths = set(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,)))
    extra = tags.get(TiffImagePlugin.EXTRASAMPLES, ())
    if len(depths) > 1:
        raise InputError(f"its channels have {sorted(depths)} bits; all must have the same")
    if 0 in extra:
        raise InputError(
            "it has a channel of unknown meaning beside colour; remove it, or save PNG"
        )
    depth = depths.pop()
    if depth == 16 and tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:
        raise InputError("its 16-bit grey counts down from white; save it with black as zero")
    if depth == 16 and 1 in extra:
        raise InputError(
            "its colours of 16 bits are multiplied by alpha (premultiplied), which loses some; "
            "save it with straight alpha"
        )
    return depth


def decode_wide(data: bytes, num_pixels: int) -> np.ndarray:
    """Returns the samples, uint16 [H, W, 3 or 4], of a TIFF file of RGB in 16 bits, not turned.

    num_pixels: H * W as checked before. Raises InputError for files packed in other ways than
    deflate and PackBits, and for damaged files whatever tifffile raises.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        if page.compression not in _COMPRESSIONS:
            name = getattr(page.compression, "name", page.compression)
            raise InputError(
                f"its 16-bit colours are compressed by {name}, which is not supported; save it "
                "uncompressed, with ZIP (deflate), or as PNG, for example with "
                "'tiffcp -c zip OLD NEW'"
            )
        size = page.imagewidth * page.imagelength * page.imagedepth
        if size != num_pixels or page.samplesperpixel not in (3, 4) or page.dtype != np.uint16:
            raise InputError(f"its pixels are {page.dtype} {page.shape}, not a picture in RGB")
        _check_segments(page, data)
        samples = page.asarray()
        separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    return np.moveaxis(samples, 0, 2) if separate else samples


def _check_segments(page: tifffile.TiffPage, data: bytes) -> None:
    """Raises InputError unless all strips or tiles are there, and as large as they should be."""
    places = list(zip(page.dataoffsets, page.databytecounts))
    # tifffile fills what is missing with zeros.
    if len(places) != math.prod(page.chunked) or any(
        count < 1 or not 0 < start <= len(data) - count for start, count in places
    ):
        raise InputError("damaged: some of its pixels are missing")
    lines, *rest = page.chunks
    # In bytes, two a sample.
    limit = min(lines, page.tilelength or page.imagelength) * math.prod(rest) * 2
    if limit > max(page.nbytes, _LARGEST_PADDED_TILE):
        raise InputError("its tiles are larger than the picture, refused as a decompression bomb")
    if page.compression in _DEFLATE:
        for start, count in places:
            check_unpacked_size([data[start : start + count]], limit)


def encode(
    samples: np.ndarray,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    dots_per_inch: tuple[float, float] | None = None,
) -> bytes:
    """Returns the TIFF file of uint8 or uint16 [H, W, C]; C: 1 grey, 3 RGB, 1 more with alpha.

    exif: an EXIF block that begins with its byte order; its entries become those of the file.
    """
    channels = samples.shape[2]
    entries = exif_entries(exif)
    resolution, unit = dots_per_inch, _INCH
    if resolution is None and _X_RESOLUTION in entries and _Y_RESOLUTION in entries:
        resolution = float(entries[_X_RESOLUTION]), float(entries[_Y_RESOLUTION])
        unit = entries.get(_RESOLUTION_UNIT, _INCH)
    directories = {tag: entries[tag] for tag in _DIRECTORIES if tag in entries}
    extra = [_extra_tag(tag, entries[tag]) for tag in sorted(entries.keys() - _OF_THE_FILE)]
    extra += [(_DIRECTORIES[tag], "I", 1, _FIRST_DIRECTORY, True) for tag in directories]
    # The byte order of the EXIF block, whose maker's notes may depend on it.
    big = exif is not None and exif[:2] == b"MM"
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        samples[..., 0] if channels == 1 else samples,
        bigtiff=False,
        byteorder=">" if big else "<",
        photometric="minisblack" if channels < 3 else "rgb",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        predictor=True,
        iccprofile=icc_profile,
        resolution=resolution,
        resolutionunit=unit if resolution else None,
        software=False,
        metadata=None,
        extratags=[(ExifTags.Base.Orientation, "H", 1, 1, True), *extra],
    )
    for tag, directory in directories.items():
        _append_directory(file, tag, directory)
    return file.getvalue()


def _extra_tag(tag: int, value: Any) -> tuple[int, int, int, Any, bool]:
    """Returns an entry as tifffile takes it: tag, type, count, value, once."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    directory[tag] = value
    kind = directory.tagtype[tag]
    if isinstance(value, str):
        value = value.encode("latin-1")
    if isinstance(value, bytes):
        if kind == TiffImagePlugin.TiffTags.ASCII:
            value += b"\0"
        return tag, kind, len(value), value, True
    values = value if isinstance(value, tuple) else (value,)
    count = len(values)
    if kind in (TiffImagePlugin.TiffTags.RATIONAL, TiffImagePlugin.TiffTags.SIGNED_RATIONAL):
        fractions = (TiffImagePlugin.IFDRational(x).limit_rational(2**31 - 1) for x in values)
        values = tuple(int(x) for fraction in fractions for x in fraction)
    return tag, kind, count, values[0] if len(values) == 1 else values, True


def _append_directory(file: io.BytesIO, tag: int, entries: dict[int, Any]) -> None:
    """Appends a directory of entries to a file, and sets the entry `tag` to where it is."""
    start = file.seek(0, io.SEEK_END)
    start += file.write(b"\0" * (start % 2))
    head = b"MM\0*\0\0\0\x08" if file.getvalue()[:2] == b"MM" else b"II*\0\x08\0\0\0"
    directory = TiffImagePlugin.ImageFileDirectory_v2(head, group=tag)
    for key, value in entries.items():
        directory[key] = value
    file.write(directory.tobytes(start))
    file.seek(0)
    with tifffile.TiffFile(file, mode="r+") as written:
        written.pages.first.tags[tag].overwrite(start)
