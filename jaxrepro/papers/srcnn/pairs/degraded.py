"""Pictures and patches to measure on, degraded once."""

import dataclasses
import functools
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.ycbcr import to_uint8
from jaxrepro.data.sets.pictures import Pictures, open_pictures
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS, Degradation
from jaxrepro.papers.srcnn.pairs.planes import crop_to_multiple, kind_of, to_planes


@dataclasses.dataclass(frozen=True)
class DegradedPicture:
    """One picture: planes floating in [0, 1].

    truth: [H, W, C], a multiple of the scale in size. low: [H / scale, W / scale, C], for networks
    that enlarge. enlarged: [H, W, C], the interpolated input of the others and their yardstick.
    kind: of the file, see `planes.kind_of`.
    """

    name: str
    truth: np.ndarray
    low: np.ndarray
    enlarged: np.ndarray
    kind: str

    def input(self, factor: int) -> np.ndarray:
        """Returns what a network sees that makes `factor` pixels of one.

        Raises InputError if it enlarges what was not shrunk.
        """
        if factor > 1 and self.low.shape == self.truth.shape:
            raise InputError(
                f"{self.name} keeps its resolution: a network that enlarges has no use"
            )
        return self.enlarged if factor == 1 else self.low


def degrade(
    pixels: np.ndarray,
    name: str,
    degradation: Degradation,
    scale: int,
    color: str,
    *,
    luma: str | None = None,
    low_rounding: str | None = None,
    dtype: Any = np.float32,
) -> DegradedPicture:
    """Returns a picture cropped to a multiple of `scale` and degraded as a whole.

    pixels: uint8 [H, W, 1 or 3]. color: a key of `planes.COLORS`. luma, low_rounding: as in
    `Degradation`, whose own they are by default. dtype: float32 or float64. Raises InputError for
    one that is too small.
    """
    planes = to_planes(pixels, color, luma or degradation.luma, dtype)
    truth = crop_to_multiple(planes, scale, name)
    low = _shrunk(truth, degradation, scale, low_rounding)
    enlarged = degradation.enlarge(low, truth.shape[:2])
    return DegradedPicture(name, truth, low, enlarged, kind_of(pixels))


def _shrunk(
    truth: np.ndarray, degradation: Degradation, scale: int, low_rounding: str | None
) -> np.ndarray:
    low = degradation.shrink(truth, scale)
    if (low_rounding or degradation.low_rounding) == "8 bits":
        low = to_uint8(low).astype(low.dtype) / 255
    return low


@functools.lru_cache(maxsize=8)
def degraded_pictures(
    spec: str, degradation: str, scale: int, color: str
) -> tuple[DegradedPicture, ...]:
    """Returns the pictures of `spec` (see `pictures.open_pictures`), cropped and degraded.

    degradation: a key of `degradation.DEGRADATIONS`; color: a key of `planes.COLORS`. Raises
    InputError for pictures that cannot be read or are too small.
    """
    pictures: Pictures = open_pictures(spec)
    chosen = DEGRADATIONS[degradation]
    return tuple(
        degrade(pictures.read(number), name, chosen, scale, color)
        for number, name in enumerate(pictures.names)
    )


def patch_places(
    planes: np.ndarray, side: int, stride: int, *, leave_last: bool = False
) -> np.ndarray:
    """Returns [N, 2], top and left of each square of `side` pixels in [H, W, C], row by row.

    leave_last: without those that end at the last row or column, as a loop with
    `while top + side < height` cuts.
    """
    tops, lefts = (
        np.arange(0, size - side + (not leave_last), stride) for size in planes.shape[:2]
    )
    return np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2)


def cut(planes: np.ndarray, places: np.ndarray, side: int) -> np.ndarray:
    """Returns the squares [N, side, side, C] of planes [H, W, C] at `places`."""
    reach = np.arange(side)
    rows, columns = (places[:, axis, None] + reach for axis in (0, 1))
    return planes[rows[:, :, None], columns[:, None, :]]


def degraded_patches(
    pixels: np.ndarray,
    name: str,
    degradation: Degradation,
    scale: int,
    side: int,
    stride: int,
    *,
    luma: str | None = None,
    low_rounding: str | None = None,
    dtype: Any = np.float32,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (inputs, truths) of luma, [N, side, side, 1] each, of one picture.

    They are what a network is trained on with this degradation: degraded alone if it is
    `patchwise`, else cut from the degraded picture. luma, low_rounding, dtype: as in `degrade`.
    """
    if not degradation.patchwise:
        picture = degrade(
            pixels, name, degradation, scale, "y", luma=luma, low_rounding=low_rounding, dtype=dtype
        )
        places = patch_places(picture.truth, side, stride)
        return cut(picture.enlarged, places, side), cut(picture.truth, places, side)
    truth = to_planes(pixels, "y", luma or degradation.luma, dtype)
    truths = cut(truth, patch_places(truth, side, stride, leave_last=True), side)
    low = _shrunk(truths, degradation, scale, low_rounding)
    return degradation.enlarge(low, (side, side)), truths
