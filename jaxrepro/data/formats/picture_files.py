"""Picture files in and out, with nothing lost on the way that the format can hold."""

import contextlib
import dataclasses
import io
import math
import os
import pathlib
import struct
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
import png
from PIL import ExifTags, Image, ImageFile, ImageOps

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.whole_files import write_atomically
from jaxrepro.data.formats import png_format, tiff_format
from jaxrepro.data.formats.exif import clean_exif, exif_of_size, upright

# What a file name's ending stands for.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
# Only these decoders run on files that nobody vouches for: Pillow also knows formats that start
# other programs (EPS).
_DECODERS = tuple(sorted(set(FORMATS.values())))
# What Pillow's decoders raise on damaged data, and pypng on damaged chunks.
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
    png.Error,
)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}
TRANSPARENT = "it is transparent all over; take its alpha channel away, or leave it out"
# An encoder's own limit, so that a photograph is changed as little as JPEG allows.
_JPEG_QUALITY = 95


class PictureTooLargeError(InputError):
    """A picture of more pixels than allowed."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture as a viewer shows it, and what its file says about it.

    color: uint8 or uint16 [H, W, 1] (grey) or [H, W, 3] (RGB), upright.
    alpha: opacity [H, W] of the same type, or None.
    icc_profile: what the colours mean, or None.
    exif: the EXIF block without orientation (the pixels are upright), or None.
    dots_per_inch: (horizontal, vertical), or None.
    stored_as: "grey", "rgb", "palette" or "bilevel": how the pixels were in the file.
    png_color: chunks of a PNG that describe its colours (gAMA, cICP ...), for another PNG.
    """

    color: np.ndarray
    alpha: np.ndarray | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    dots_per_inch: tuple[float, float] | None = None
    stored_as: str = "rgb"
    png_color: tuple[tuple[bytes, bytes], ...] = ()

    def __post_init__(self):
        color, alpha = self.color, self.alpha
        if color.ndim != 3 or color.shape[2] not in (1, 3) or color.dtype not in ("u1", "u2"):
            raise ValueError(f"color is {color.dtype} {color.shape}")
        if alpha is not None and (alpha.shape != color.shape[:2] or alpha.dtype != color.dtype):
            raise ValueError(f"alpha is {alpha.dtype} {alpha.shape} for color {color.shape}")

    @property
    def maximum(self) -> int:
        """White: 255 or 65535."""
        return int(np.iinfo(self.color.dtype).max)

    @property
    def samples(self) -> np.ndarray:
        """Colours and, where there is one, alpha: [H, W, 1 to 4]."""
        if self.alpha is None:
            return self.color
        return np.concatenate([self.color, self.alpha[..., None]], axis=2)


def read_picture(path: str | os.PathLike[str], *, max_pixels: int | None = None) -> Picture:
    """Returns the picture in a PNG, JPEG, WebP, TIFF or BMP file, whatever its name ends in.

    The EXIF orientation is applied to the pixels, exactly, and taken out of the EXIF block: some
    viewers ignore it in formats other than JPEG. Palettes become RGB, and 1, 2 and 4-bit grey
    becomes 8-bit. 16 bits stay 16 bits. Transparency becomes alpha, whether it was a channel, a
    palette's or one transparent colour. XMP and other annotations are left out.

    max_pixels: larger pictures are refused as decompression bombs; None is Pillow's limit,
      PIL.Image.MAX_IMAGE_PIXELS = 89 million. The pixels are held in memory as a whole.

    Raises InputError with the reason for what cannot be read without loss: damaged files,
    animations and several pages, CMYK, Lab and 32-bit pixels, alpha in 16 bits that is multiplied
    into the colours.
    """
    path = pathlib.Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return decode_picture(data, str(path), max_pixels=max_pixels)


def decode_picture(data: bytes, name: str, *, max_pixels: int | None = None) -> Picture:
    """Returns the picture in the bytes of a file, which messages call `name`; see `read_picture`.

    Not for several threads at once: Pillow's limit on pixels belongs to the process.

    Raises PictureTooLargeError for more than max_pixels pixels, else InputError.
    """
    limit = Image.MAX_IMAGE_PIXELS if max_pixels is None else max_pixels
    try:
        with _pixel_limit(limit), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return decode_any(data)
    except _BOMBS as error:
        raise PictureTooLargeError(
            f"{name}: more than {limit} pixels, refused as a decompression bomb; shrink the "
            "picture or raise the limit"
        ) from error
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except DECODE_ERRORS as error:
        raise InputError(
            f"{name}: not a readable picture ({_line(error)}); repair it or leave it out"
        ) from error


def read_colors(path: str | os.PathLike[str]) -> np.ndarray:
    """Returns the picture in a file as it is seen, uint8 [H, W, 3].

    What `read_picture` reads, with grey as equal colours, 16 bits rounded to 8, and transparent
    pixels laid over white. Raises InputError as that does.
    """
    picture = read_picture(path)
    try:
        color = seen_colors(picture)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return np.ascontiguousarray(np.broadcast_to(color, (*color.shape[:2], 3)))


def seen_colors(picture: Picture) -> np.ndarray:
    """Returns the colours of a picture as they are seen, uint8 [H, W, 1 or 3].

    16 bits are rounded to 8, and transparent pixels laid over white. Raises InputError, without the
    file's name, for one that is transparent all over.
    """
    color = picture.color
    if picture.alpha is not None:
        if not picture.alpha.any():
            raise InputError(TRANSPARENT)
        share = picture.alpha[..., None].astype(np.float32) / picture.maximum
        white = np.float32(picture.maximum)
        color = np.round(color * share + white * (1 - share)).astype(color.dtype)
    if color.dtype == np.uint16:
        color = ((color.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return color


def write_picture(path: str | os.PathLike[str], picture: Picture) -> None:
    """Writes `picture` in the format that the name ends in, whole or not at all.

    PNG, TIFF and BMP keep every value, and WebP is written lossless. JPEG is written at quality 95
    without subsampled colours. Raises InputError where the format cannot hold the picture.
    """
    path = pathlib.Path(path)
    kind = check_format(path, picture)
    try:
        data = _encode(kind, picture)
    except (OSError, ValueError, TypeError, struct.error) as error:
        raise InputError(f"cannot write {path} as {kind}: {_line(error)}") from error
    write_atomically(path, data)


def check_format(path: str | os.PathLike[str], picture: Picture, scale: int = 1) -> str:
    """Returns Pillow's name of the format of `path` if it can hold all of `picture`, enlarged.

    Raises InputError otherwise, so that this is known before the work is done.
    """
    path = pathlib.Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path}: a picture file is written as one of {', '.join(FORMATS)}; change the "
            "ending of its name"
        )
    lost = [
        what
        for what, formats, present in (
            ("16 bits", ("JPEG", "WEBP", "BMP"), picture.color.dtype == np.uint16),
            ("alpha", ("JPEG", "BMP"), picture.alpha is not None),
            ("an ICC profile", ("BMP",), picture.icc_profile is not None),
            ("EXIF data", ("BMP",), picture.exif is not None),
            # WebP has no grey, and a profile for grey says nothing about RGB.
            (
                "an ICC profile for grey",
                ("WEBP",),
                picture.icc_profile is not None and picture.color.shape[2] == 1,
            ),
        )
        if present and kind in formats
    ]
    if lost:
        raise InputError(
            f"{path}: {kind} cannot hold {' or '.join(lost)}, which this picture has; write .png "
            "or .tif"
        )
    longest = scale * max(picture.color.shape[:2])
    if longest > _LONGEST_SIDE.get(kind, longest):
        raise InputError(
            f"{path}: {kind} holds at most {_LONGEST_SIDE[kind]} pixels a side, {longest} are "
            "needed; write .png or .tif"
        )
    return kind


@contextlib.contextmanager
def _pixel_limit(limit: int | None) -> Iterator[None]:
    # Pillow's warning stands for one time the limit, its error for twice.
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = limit
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def decode_any(data: bytes) -> Picture:
    """Returns the picture in the bytes of a file, under Pillow's own limit on pixels.

    As `decode_picture`, but for several threads too: it changes nothing of the process. Raises
    InputError without the file's name, Pillow's errors of bombs, and `DECODE_ERRORS`.
    """
    with Image.open(io.BytesIO(data), formats=_DECODERS) as image:
        frames = getattr(image, "n_frames", 1)
        # The further pictures of a camera's JPEG (MPO) are previews and depth maps.
        if frames > 1 and image.format != "MPO":
            raise InputError(f"it holds {frames} frames or pages; take out the one to be used")
        depth, png_color = 8, ()
        if image.format == "PNG":
            depth, png_color = png_format.depth_and_color_chunks(data)
        elif image.format == "TIFF":
            depth = tiff_format.depth_of(image)
        # Of 16 bits a channel Pillow keeps 8, unless there is one channel only.
        wide = depth == 16 and image.mode in ("RGB", "RGBA")
        # In a PNG, EXIF data may follow the pixels. Of a TIFF, Pillow drops the orientation here.
        if not wide or image.format == "PNG":
            image.load()
        exif = clean_exif(image)
        resolution = image.info.get("dpi")
        icc_profile = image.info.get("icc_profile") or None
        key = image.info.get("transparency")
        if wide:
            samples, stored_as = _wide_samples(data, image), "rgb"
        else:
            ImageOps.exif_transpose(image, in_place=True)
            samples, stored_as = _samples(image, depth)
    num_colors = 1 if samples.shape[2] < 3 else 3
    color = np.ascontiguousarray(samples[..., :num_colors])
    alpha = None
    if samples.shape[2] > num_colors:
        alpha = np.ascontiguousarray(samples[..., num_colors])
    elif key is not None and stored_as != "palette":
        alpha = _alpha_of_key(color, key, depth)
    return Picture(
        color,
        alpha,
        icc_profile,
        exif,
        _resolution(resolution),
        "grey" if stored_as == "rgb" and num_colors == 1 else stored_as,
        png_color,
    )


def _wide_samples(data: bytes, image: ImageFile.ImageFile) -> np.ndarray:
    """Returns the upright uint16 samples [H, W, 2 to 4] of a PNG or TIFF file."""
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    try:
        if image.format == "PNG":
            samples = png_format.decode_wide(data)
        else:
            samples = tiff_format.decode_wide(data, math.prod(image.size))
    except (InputError, MemoryError):
        raise
    except Exception as error:
        # Damaged data lead pypng and tifffile into errors of every kind.
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return upright(samples, orientation)


def _samples(image: Image.Image, depth: int) -> tuple[np.ndarray, str]:
    """Returns an image's samples [H, W, C] and how they were stored."""
    mode = image.mode
    if mode == "1":
        return np.asarray(image)[..., None].astype(np.uint8) * 255, "bilevel"
    if mode.startswith("I;16"):
        if depth != 16:
            raise InputError(f"{depth}-bit grey is not supported; store 8 or 16 bits")
        return np.asarray(image)[..., None].astype(np.uint16), "grey"
    if mode in ("P", "PA"):
        transparent = mode == "PA" or "transparency" in image.info
        return np.asarray(image.convert("RGBA" if transparent else "RGB")), "palette"
    if mode in ("La", "RGBa"):
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[mode])
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        raise InputError(f"its pixels are {mode}; {_ADVICE.get(mode, 'convert it to RGB')}")
    samples = np.asarray(image)
    return samples.reshape(*samples.shape[:2], -1), "rgb"


_ADVICE = {
    "CMYK": "how they look is up to a profile: convert it to RGB in a colour-managed program",
    "I": "32-bit and signed pixels are not supported; store 8 or 16 bits",
    "F": "32-bit pixels are not supported; store 8 or 16 bits",
}


def _alpha_of_key(color: np.ndarray, key: int | tuple[int, ...], depth: int) -> np.ndarray:
    """Returns alpha: transparent where the colour is `key`, given in the file's own depth."""
    maximum = np.iinfo(color.dtype).max
    # Of one bit, Pillow has scaled it already.
    factor = 1 if depth == 1 else maximum // (2**depth - 1)
    scaled = np.atleast_1d(key) * factor
    return np.where((color == scaled).all(axis=2), 0, maximum).astype(color.dtype)


def _resolution(given: tuple[float, float] | None) -> tuple[float, float] | None:
    if given is None:
        return None
    x, y = float(given[0]), float(given[1])
    return (x, y) if np.isfinite([x, y]).all() and min(x, y) > 0 else None


def _encode(kind: str, picture: Picture) -> bytes:
    samples = picture.samples
    height, width = samples.shape[:2]
    exif = exif_of_size(picture.exif, width, height)
    if kind == "PNG":
        return png_format.encode(
            samples, picture.icc_profile, exif, picture.dots_per_inch, picture.png_color
        )
    if kind == "TIFF":
        return tiff_format.encode(samples, picture.icc_profile, exif, picture.dots_per_inch)
    options: dict = {}
    if picture.icc_profile is not None:
        options["icc_profile"] = picture.icc_profile
    if exif is not None:
        options["exif"] = b"Exif\0\0" + exif
    if picture.dots_per_inch is not None:
        options["dpi"] = picture.dots_per_inch
    if kind == "JPEG":
        options |= {"quality": _JPEG_QUALITY, "subsampling": 0}
    elif kind == "WEBP":
        options |= {"lossless": True, "exact": True}
        if samples.shape[2] < 3:
            samples = np.concatenate([samples[..., :1]] * 3 + [samples[..., 1:]], axis=2)
    file = io.BytesIO()
    pixels = samples[..., 0] if samples.shape[2] == 1 else samples
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def _line(error: BaseException) -> str:
    # Pillow names the object in memory that it was given.
    text = " ".join(str(error).split()) or type(error).__name__
    return "unknown format" if "cannot identify image file" in text else text
