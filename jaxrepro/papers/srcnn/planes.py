"""Pictures as the planes that a network sees."""

from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.ycbcr import full_range_luma, rgb_to_ycbcr

# By config name: which planes, in order.
COLORS = {"y": ("Y",), "ycbcr": ("Y", "Cb", "Cr"), "rgb": ("R", "G", "B")}


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
