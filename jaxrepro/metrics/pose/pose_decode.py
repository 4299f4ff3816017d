"""Joints from heat maps, in the conventions of published code.

Coordinates are continuous: cell i covers [i, i + 1); see `data.pose.pose_crop`. The functions take
NumPy and JAX arrays, traced ones too.
"""

import dataclasses
from typing import Any, Literal

from jaxrepro.data.pose.pose_crop import PIXELS_PER_SCALE

Array = Any


@dataclasses.dataclass(frozen=True)
class DecodeStyle:
    """How a map becomes a point.

    cell_point: where a cell lies: 0.5, its middle, for targets rounded down, 0 for targets rounded
      to the nearest corner.
    margin: a quarter of a cell towards the higher neighbour is added, along x and along y, if the
      peak is at least this many cells from the first row and column and 1 from the last (HRNet's
      2 is not symmetric). With "always" it is added everywhere, and a tie counts as lower; the
      edge's own value stands in for a missing neighbour.
    absent: the result where no value is positive, in cells.
    """

    cell_point: float
    margin: int | Literal["always"]
    absent: float


DECODE_STYLES = {
    "torch": DecodeStyle(0.5, 1, 0.5),
    "pytorch_pose": DecodeStyle(0.5, 1, -0.5),
    "hrnet": DecodeStyle(0.0, 2, 0.0),
    "princeton": DecodeStyle(0.5, "always", 0.0),
}


def peaks(maps: Array) -> tuple[Array, Array]:
    """Returns (cells, values): the first highest cell (x, y) of each map and what it holds.

    maps: [..., H, W, K]. cells: integers [..., K, 2]. values: [..., K].
    """
    xp = maps.__array_namespace__()
    *batch, height, width, num = maps.shape
    flat = xp.reshape(maps, (*batch, height * width, num))
    first = xp.argmax(flat, axis=-2)
    return xp.stack([first % width, first // width], axis=-1), xp.max(flat, axis=-2)


def decode(maps: Array, style: DecodeStyle) -> tuple[Array, Array]:
    """Returns (points in cells, peak values) of maps [..., H, W, K].

    points: float32 [..., K, 2]. values: [..., K].
    """
    xp = maps.__array_namespace__()
    height, width = maps.shape[-3:-1]
    cells, values = peaks(maps)
    x, y = cells[..., 0], cells[..., 1]
    right = _at(maps, xp.minimum(x + 1, width - 1), y)
    left = _at(maps, xp.maximum(x - 1, 0), y)
    down = _at(maps, x, xp.minimum(y + 1, height - 1))
    up = _at(maps, x, xp.maximum(y - 1, 0))
    difference = xp.stack([right - left, down - up], axis=-1)
    if style.margin == "always":
        offset = xp.where(difference > 0, 0.25, -0.25)
    else:
        m = style.margin
        inner = (x >= m) & (x < width - 1) & (y >= m) & (y < height - 1)
        offset = 0.25 * xp.sign(difference) * inner[..., None]
    points = cells + style.cell_point + offset
    points = xp.where((values > 0)[..., None], points, style.absent)
    return xp.astype(points, xp.float32), values


def to_picture(
    points: Array, centers: Array, scales: Array, size: int, *, truncate: bool = False
) -> Array:
    """Returns points of crops without rotation in coordinates of their pictures, [N, K, 2].

    points: [N, K, 2] in cells of maps, or pixels of crops, with `size` of them along a side.
    centers [N, 2], scales [N]: of the squares that were cut, see `pose_crop.boxes`.
    truncate: the middle of the pixel that holds the point, as the Torch code does: towards 0, so
      that pixel 0 is twice as wide.
    """
    xp = points.__array_namespace__()
    sides = (PIXELS_PER_SCALE * scales)[:, None, None]
    placed = centers[:, None, :] + (points / size - 0.5) * sides
    return xp.trunc(placed) + 0.5 if truncate else placed


def _at(maps: Array, x: Array, y: Array) -> Array:
    """Returns the value of each map at its own cell, [..., K]."""
    xp = maps.__array_namespace__()
    *batch, height, width, num = maps.shape
    flat = xp.reshape(maps, (*batch, height * width, num))
    return xp.take_along_axis(flat, (y * width + x)[..., None, :], axis=-2)[..., 0, :]
