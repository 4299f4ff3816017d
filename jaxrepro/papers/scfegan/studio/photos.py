"""Photos as they come from a browser or a program, and as they go back."""

import dataclasses

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats import png_format
from jaxrepro.data.formats.picture_files import Picture, PictureTooLargeError, decode_picture
from jaxrepro.papers.scfegan.inference.mark_pictures import colors_of, marks_of
from jaxrepro.papers.scfegan.studio.drawings import Layers
from jaxrepro.papers.scfegan.studio.http_errors import RequestError

# The files stay in memory for a moment: time counts for more than size.
_COMPRESS_LEVEL = 1


@dataclasses.dataclass(frozen=True)
class Photo:
    """A photo to be edited: `rgb` is uint8 [H, W, 3], `picture` all that its file says."""

    rgb: np.ndarray
    picture: Picture

    def file(self, rgb: np.ndarray) -> bytes:
        """Returns `rgb` as a PNG file with this photo's alpha and colour profile."""
        picture = self.picture
        samples = rgb if picture.alpha is None else np.dstack([rgb, picture.alpha])
        return png_format.encode(
            samples,
            # A profile for grey says nothing about RGB.
            picture.icc_profile if picture.color.shape[2] == 3 else None,
            color_chunks=picture.png_color,
            compress_level=_COMPRESS_LEVEL,
        )


def read_photo(data: bytes, name: str, max_pixels: int) -> Photo:
    """Returns the upright photo in the bytes of a picture file.

    Raises RequestError: 413 for too many pixels, 415 for what is no picture of 8 bits a colour.
    """
    picture = _decode(data, name, max_pixels)
    color = picture.color
    if color.dtype != np.uint8:
        raise RequestError(415, f"{name}: 16 bits a colour are not supported; store it with 8")
    return Photo(np.repeat(color, 3, axis=2) if color.shape[2] == 1 else color, picture)


def read_layers(files: dict[str, bytes], size: tuple[int, int], max_pixels: int) -> Layers:
    """Returns the layers in picture files of the photo's size (height, width).

    files: "mask" and, where given, "sketch" and "color", read as by the command: see
    `mark_pictures`.

    Raises RequestError, as `read_photo`, and 400 for another size.
    """
    pictures = {name: _decode(data, name, max_pixels) for name, data in files.items()}
    for name, picture in pictures.items():
        height, width = picture.color.shape[:2]
        if (height, width) != size:
            raise RequestError(
                400,
                f"{name} has {width} x {height} pixels and the photo {size[1]} x {size[0]}; "
                "they must be equal",
            )
    color, strokes = np.zeros((*size, 3), np.uint8), np.zeros((*size, 1), np.uint8)
    if "color" in pictures:
        color, strokes = colors_of(pictures["color"])
    return Layers(
        marks_of(pictures["mask"]),
        marks_of(pictures["sketch"]) if "sketch" in pictures else np.zeros_like(strokes),
        color * strokes,
        strokes,
    )


def _decode(data: bytes, name: str, max_pixels: int) -> Picture:
    try:
        return decode_picture(data, name, max_pixels=max_pixels)
    except PictureTooLargeError as error:
        raise RequestError(
            413, f"{name}: more than {max_pixels / 1e6:g} megapixels; make it smaller"
        ) from error
    except InputError as error:
        raise RequestError(415, str(error)) from error
