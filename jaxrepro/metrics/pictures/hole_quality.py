"""How near a filled picture is to the true one, in the hole alone, by the size of the hole."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import chex
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.pictures.decibels import mean_measures
from jaxrepro.metrics.pictures.image_quality import SSIM_SIDE, ssim_map

# Shares of the picture at which one group of holes ends and the next begins.
SIZE_EDGES = (0.0, 0.1, 0.25, 0.5, 1.0)
MEASURES = ("l1", "psnr", "ssim")


@dataclasses.dataclass(frozen=True)
class HoleQuality:
    """Nearness of one picture in its hole.

    Attributes:
      coverage: share of the picture that is erased, in (0, 1].
      l1: mean absolute difference of the erased pixels' values, of a range of 1.
      psnr: of the erased pixels alone, in dB; infinite where they are equal.
      ssim: mean over the erased pixels of the structural similarity around each, of luma.
    """

    coverage: float
    l1: float
    psnr: float
    ssim: float


def hole_quality(image: np.ndarray, truth: np.ndarray, hole: np.ndarray) -> HoleQuality:
    """Returns how near `image` is to `truth` inside `hole`.

    image, truth: uint8 [H, W, 3], RGB, sides 11 or more. hole: {0, 1} [H, W, 1], 1 = erased. What
    lies outside the hole takes no part in l1 and psnr; windows of SSIM around erased pixels near
    the hole's edge reach outside, and are mirrored at the picture's.

    Raises:
      InputError: nothing is erased, or a picture is too small for SSIM's window.
    """
    chex.assert_equal_shape([image, truth])
    chex.assert_shape(hole, (*image.shape[:2], 1))
    erased = np.asarray(hole)[..., 0] != 0
    if not erased.any():
        raise InputError("nothing is erased: quality in the hole needs a hole")
    if min(erased.shape) < SSIM_SIDE:
        raise InputError(
            f"a picture of {erased.shape[0]} x {erased.shape[1]} is too small for SSIM, which "
            f"needs sides of {SSIM_SIDE}"
        )
    difference = (image.astype(np.float64) - truth.astype(np.float64))[erased] / 255
    square = float(np.mean(difference**2))
    return HoleQuality(
        coverage=float(erased.mean()),
        l1=float(np.mean(np.abs(difference))),
        psnr=math.inf if square == 0 else -10 * math.log10(square),
        ssim=float(ssim_map(_luma(image), _luma(truth))[erased].mean()),
    )


def mean_by_size(
    rows: Sequence[HoleQuality], edges: Sequence[float] = SIZE_EDGES
) -> dict[str, Mapping[str, float]]:
    """Returns means of groups of holes: "all", then "(0.1, 0.25]" and so on, where there are any.

    Each group has "num", "coverage", "l1", "psnr" and "ssim"; decibels are averaged as decibels.
    Infinite ones are left out and counted as "psnr_exact", see `mean_measures`. A hole belongs to
    (low, high] by its share of the picture. edges: rising, from 0 to 1.

    Raises:
      InputError: no rows, or edges of another form.
    """
    rising = all(a < b for a, b in itertools.pairwise(edges))
    if len(edges) < 2 or edges[0] != 0 or edges[-1] != 1 or not rising:
        raise InputError(f"edges {tuple(edges)} given; they must rise from 0 to 1")
    if not rows:
        raise InputError("no pictures were measured; measure one or more")
    groups = {"all": list(rows)}
    for low, high in itertools.pairwise(edges):
        groups[f"({low:g}, {high:g}]"] = [row for row in rows if low < row.coverage <= high]
    measured = ("coverage", *MEASURES)
    return {
        name: {"num": len(group)}
        | mean_measures([{measure: getattr(row, measure) for measure in measured} for row in group])
        for name, group in groups.items()
        if group
    }


def _luma(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
