"""Pictures as the planes that a network sees; more of them by scaling, turning and mirroring."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.resize import resize
from jaxrepro.data.formats.ycbcr import full_range_luma, rgb_to_ycbcr, to_uint8
from jaxrepro.data.sets.pictures import Pictures

# By config name: which planes, in order.
COLORS = {"y": ("Y",), "ycbcr": ("Y", "Cb", "Cr"), "rgb": ("R", "G", "B")}

# Kinds of pictures, and what luma means for them where that of colour is in 16..235.
KINDS = {
    "colour": "",
    "grey": "grey: luma in 0..255",
    "grey in colour": "grey but stored in colour: luma in 16..235",
}
_NAMED = 5


def to_planes(
    pixels: np.ndarray, color: str, luma: str = "studio", dtype: Any = np.float32
) -> np.ndarray:
    """Returns floating [H, W, planes] in [0, 1] of a picture uint8 [H, W, 1 or 3].

    color: a key of `COLORS`. Luma and chroma are MATLAB's: studio range, rounded to 8 bits before
    the division by 255. A grey picture is its own luma, as in the authors' evaluation; where
    three planes are wanted its grey is R, G and B.

    luma: "full" takes OpenCV's luma instead, in 0..255. Raises InputError if chroma is wanted
    beside it.
    """
    if luma == "full" and color == "ycbcr":
        raise InputError("color=ycbcr does not go with luma in full range; take color=y")
    if pixels.shape[-1] == 1 and color == "y":
        planes = pixels
    else:
        rgb = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
        if color == "rgb":
            planes = rgb
        elif luma == "full":
            planes = full_range_luma(rgb)
        else:
            planes = rgb_to_ycbcr(rgb)[..., : len(COLORS[color])]
    return planes.astype(dtype) / 255


def has_color(pixels: np.ndarray) -> bool:
    """Returns whether a picture uint8 [H, W, 1 or 3] is not grey, however it is stored."""
    return pixels.shape[-1] == 3 and bool(np.any(pixels != pixels[..., :1]))


def kind_of(pixels: np.ndarray) -> str:
    """Returns a key of `KINDS`: whether a picture has colour, and if not, how it is stored."""
    if pixels.shape[-1] == 1:
        return "grey"
    return "colour" if has_color(pixels) else "grey in colour"


def grey_note(kinds: Mapping[str, str], luma: str) -> str:
    """Returns a sentence on pictures whose luma is in another range than one may think, or "".

    kinds: by the picture's name, see `kind_of`. luma: "studio" or "full"; of the full range all
    pictures have the same.
    """
    if luma == "full":
        return ""
    parts = []
    for kind, text in KINDS.items():
        names = [name for name, own in kinds.items() if own == kind]
        if text and names:
            are = "is" if len(names) == 1 else "are"
            shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
            parts.append(f"{len(names)} of {len(kinds)} pictures {are} {text} ({shown})")
    return "; ".join(parts)


def as_grey(pixels: np.ndarray, grey: str) -> np.ndarray:
    """Returns a picture as `Protocol.grey` has it stored: one without colour in 1 plane or in 3."""
    if grey == "as stored" or has_color(pixels):
        return pixels
    return pixels[..., :1] if grey == "0..255" else np.repeat(pixels[..., :1], 3, axis=-1)


def crop_to_multiple(planes: np.ndarray, scale: int, name: str) -> np.ndarray:
    """Returns `planes` without the last rows and columns that are no multiple of `scale`.

    Raises InputError if nothing would be left.
    """
    height, width = (size // scale * scale for size in planes.shape[:2])
    if not height or not width:
        raise InputError(
            f"{name}: {planes.shape[1]}x{planes.shape[0]} pixels are too few for x{scale}; leave "
            "the picture out"
        )
    return planes[:height, :width]


def rotate(item: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Returns the patch and its target turned by 0, 90, 180 or 270 degrees, equally often."""
    turns = int(rng.integers(4))
    return {name: np.rot90(planes, turns) for name, planes in item.items()}


def rotate_and_mirror(item: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Returns the patch and its target in one of the 8 symmetries of a square, equally often."""
    turned = rotate(item, rng)
    if rng.random() < 0.5:
        return turned
    return {name: planes[:, ::-1] for name, planes in turned.items()}


# By config name.
AUGMENTATIONS = {"none": None, "rotations": rotate, "symmetries": rotate_and_mirror}


@dataclasses.dataclass(frozen=True)
class RescaledPictures(Pictures):
    """Every picture of a set in several sizes, one after the other.

    factors: of the sides, which are rounded to whole pixels; at most 1.
    """

    factors: tuple[float, ...] = (1.0,)

    def read(self, index: int) -> np.ndarray:
        """Returns picture `index`, uint8 [H, W, 1 or 3], shrunk by MATLAB's bicubic."""
        pixels = super().read(index)
        factor = self.factors[index % len(self.factors)]
        height, width = (max(1, round(size * factor)) for size in pixels.shape[:2])
        return to_uint8(resize(pixels.astype(np.float32) / 255, (height, width)))


def rescaled(pictures: Pictures, factors: tuple[float, ...]) -> Pictures:
    """Returns the pictures and, behind each, itself shrunk by the `factors`.

    Raises InputError for a factor that does not shrink.
    """
    if not factors:
        return pictures
    if not all(0 < factor < 1 for factor in factors):
        raise InputError(f"data.rescale={factors} given; factors lie between 0 and 1")
    factors = (1.0, *factors)
    return RescaledPictures(
        pictures.spec,
        tuple(f"{name}x{factor:g}" for name in pictures.names for factor in factors),
        tuple(path for path in pictures.paths for _ in factors),
        factors,
        not_read=pictures.not_read,
    )
