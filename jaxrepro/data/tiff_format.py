"""TIFF files of 8 and 16 bits with colour profile, EXIF data and resolution.

Written after TIFF 6.0 with Adobe's deflate compression. Pillow writes no 16-bit colour.
"""

import io
import zlib

import numpy as np
from PIL import Image, TiffImagePlugin

from jaxrepro.core.errors import InputError
from jaxrepro.data.exif import exif_entries

_ORIENTATION = 274
_LARGEST_FILE = 2**32 - 1


def depth_of(image: Image.Image) -> int:
    """Returns the bits of a sample; raises InputError for pixels that Pillow would misread."""
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
    return depth


def encode(
    samples: np.ndarray,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    dots_per_inch: tuple[float, float] | None = None,
) -> bytes:
    """Returns the TIFF file of uint8 or uint16 [H, W, C]; C: 1 grey, 3 RGB, 1 more with alpha.

    exif: an EXIF block that begins with its byte order; its entries become those of the file.
    """
    height, width, channels = samples.shape
    # The byte order of the EXIF block, whose maker's notes may depend on it.
    big = exif is not None and exif[:2] == b"MM"
    differences = samples.astype(samples.dtype.newbyteorder(">" if big else "<"))
    differences[:, 1:] -= samples[:, :-1]
    strip = zlib.compress(differences.tobytes())
    directory = exif_entries(exif)
    directory |= {
        TiffImagePlugin.IMAGEWIDTH: width,
        TiffImagePlugin.IMAGELENGTH: height,
        TiffImagePlugin.BITSPERSAMPLE: (8 * samples.dtype.itemsize,) * channels,
        TiffImagePlugin.COMPRESSION: 8,
        TiffImagePlugin.PHOTOMETRIC_INTERPRETATION: 1 if channels < 3 else 2,
        _ORIENTATION: 1,
        TiffImagePlugin.SAMPLESPERPIXEL: channels,
        TiffImagePlugin.ROWSPERSTRIP: height,
        TiffImagePlugin.STRIPBYTECOUNTS: len(strip),
        TiffImagePlugin.PLANAR_CONFIGURATION: 1,
        TiffImagePlugin.PREDICTOR: 2,
        # Counted by Pillow from the end of the directory.
        TiffImagePlugin.STRIPOFFSETS: 0,
    }
    if channels in (2, 4):
        directory[TiffImagePlugin.EXTRASAMPLES] = 2
    if icc_profile is not None:
        directory[TiffImagePlugin.ICCPROFILE] = icc_profile
    if dots_per_inch is not None:
        directory[TiffImagePlugin.X_RESOLUTION] = dots_per_inch[0]
        directory[TiffImagePlugin.Y_RESOLUTION] = dots_per_inch[1]
        directory[TiffImagePlugin.RESOLUTION_UNIT] = 2
    if len(strip) > _LARGEST_FILE - 2**20:
        raise ValueError("more than 4 GB; write .png")
    entries = TiffImagePlugin.ImageFileDirectory_v2(
        b"MM\0*\0\0\0\x08" if big else b"II*\0\x08\0\0\0"
    )
    for tag, value in directory.items():
        entries[tag] = value
    file = io.BytesIO()
    entries.save(file)
    return file.getvalue() + strip
