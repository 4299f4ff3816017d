"""Bicubic interpolation, the network and the original side by side."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from jaxrepro.core.task import Image
from jaxrepro.data.formats.ycbcr import to_uint8, ycbcr_to_rgb
from jaxrepro.draw.sheet import row_sheet
from jaxrepro.metrics.pictures.image_quality import psnr
from jaxrepro.papers.srcnn.measures.evaluators import Canvases, Quality
from jaxrepro.papers.srcnn.pairs.degraded import DegradedPicture

_NUM_PICTURES = 6
_SIDE = 48  # In high-resolution pixels, or the next smaller multiple of the scale.
_ENLARGED = 4


@dataclasses.dataclass(frozen=True)
class BeforeAfter(Quality):
    """A sheet with one row a picture, for the first pictures of a set.

    A row shows the square in which bicubic interpolation is furthest from the original, the same
    one over a whole run. `tile` is its side in pixels of the network's input.
    """

    def places(self) -> list[tuple[int, int, int]]:
        """Returns (number of the picture, top, left) of the squares, in pixels of the input."""
        factor = self.module.factor
        return [
            (number, *worst_place(picture, self.tile * factor, factor))
            for number, picture in enumerate(self.prepared[:_NUM_PICTURES])
        ]

    def finish(self, acc: Canvases) -> Mapping[str, Image]:
        """Returns the sheet."""
        factor = self.module.factor
        cells, texts = [], []
        for number, top, left in self.places():
            picture = self.prepared[number]
            rows, columns = (
                slice(start * factor, (start + self.tile) * factor) for start in (top, left)
            )
            enlarged, network, truth = (
                to_uint8(planes[rows, columns])
                for planes in (picture.enlarged, acc[number], picture.truth)
            )
            texts.append(
                f"{picture.name}\nleft: bicubic, {psnr(enlarged, truth):.2f} dB\n"
                f"middle: network, {psnr(network, truth):.2f} dB\nright: original"
            )
            cells += [self._cell(planes) for planes in (enlarged, network, truth)]
        return {"squares": Image(row_sheet(np.stack(cells), texts, padding=4, scale=_ENLARGED))}

    def _cell(self, planes: np.ndarray) -> np.ndarray:
        """Returns planes uint8 as grey or RGB; what a small picture leaves free is white."""
        shown = ycbcr_to_rgb(planes) if self.color == "ycbcr" else planes
        free = [(0, self.tile * self.module.factor - size) for size in shown.shape[:2]]
        return np.pad(shown, (*free, (0, 0)), constant_values=255)


def square_side(scale: int) -> int:
    """Returns the side of the squares in high-resolution pixels, a multiple of `scale`."""
    return max(1, _SIDE // scale) * scale


def worst_place(picture: DegradedPicture, side: int, grid: int) -> tuple[int, int]:
    """Returns (top, left), in units of `grid`, of the square with the largest squared error.

    side: of the square, cut off at the picture's; it and its place are multiples of `grid`. The
    error is that of the first plane of the enlarged picture.
    """
    errors = (picture.enlarged[..., 0].astype(np.float64) - picture.truth[..., 0]) ** 2
    sums = np.pad(errors.cumsum(0).cumsum(1), ((1, 0), (1, 0)))[::grid, ::grid]
    height, width = (min(side // grid, size - 1) for size in sums.shape)
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width]
    inside = inside + sums[:-height, :-width]
    top, left = np.unravel_index(np.argmax(inside), inside.shape)
    return int(top), int(left)
