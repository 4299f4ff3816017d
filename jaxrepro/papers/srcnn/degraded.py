"""Whole pictures to measure on, degraded once."""

import dataclasses
import functools

import numpy as np

from jaxrepro.data.pictures import Pictures, open_pictures
from jaxrepro.papers.srcnn.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.planes import crop_to_multiple, to_planes


@dataclasses.dataclass(frozen=True)
class DegradedPicture:
    """One picture: planes float32 in [0, 1].

    truth: [H, W, C], a multiple of the scale in size. low: [H / scale, W / scale, C], for networks
    that enlarge. enlarged: [H, W, C], the interpolated input of the others and their yardstick.
    """

    name: str
    truth: np.ndarray
    low: np.ndarray
    enlarged: np.ndarray

    def input(self, factor: int) -> np.ndarray:
        """Returns what a network sees that makes `factor` pixels of one."""
        return self.enlarged if factor == 1 else self.low


@functools.lru_cache(maxsize=8)
def degraded_pictures(
    spec: str, degradation: str, scale: int, color: str
) -> tuple[DegradedPicture, ...]:
    """Returns the pictures of `spec` (see `data.pictures.open_pictures`), cropped and degraded.

    degradation: a key of `degradation.DEGRADATIONS`; color: a key of `planes.COLORS`. Raises
    InputError for pictures that cannot be read or are too small.
    """
    pictures: Pictures = open_pictures(spec)
    chosen = DEGRADATIONS[degradation]
    prepared = []
    for number, name in enumerate(pictures.names):
        truth = crop_to_multiple(to_planes(pictures.read(number), color), scale, name)
        low = chosen.shrink(truth, scale)
        prepared.append(DegradedPicture(name, truth, low, chosen.enlarge(low, truth.shape[:2])))
    return tuple(prepared)
