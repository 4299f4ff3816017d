"""The part of a picture that the generator sees, and how it comes to the generator's size."""

import dataclasses

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.formats.resize import Interpolation, resize
from jaxrepro.data.strokes.free_form_mask import ALIGNED_EYES, REFERENCE_SIZE

# What the generator is shown of a picture, unless a box is given: see `whole_box`, `mask_box`.
CROPS = ("whole", "mask")
# Weights that are never negative, so that an average over known pixels alone can be taken.
_LINEAR = Interpolation(sharpness=None, antialias=True, border="replicate")
# Of a square around a mask: its side, in sides of the mask.
_CONTEXT = 2.0
# Of aligned faces (FFHQ, CelebA-HQ): both eyes' row and the columns of left and right, in sides.
EYES_ROW = ALIGNED_EYES[0][1] / REFERENCE_SIZE
EYES_COLUMNS = (ALIGNED_EYES[0][0] / REFERENCE_SIZE, ALIGNED_EYES[1][0] / REFERENCE_SIZE)
_LARGEST = 4


@dataclasses.dataclass(frozen=True)
class Box:
    """A part of a picture in its pixels; it may reach outside, where the edge is repeated."""

    top: int
    left: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height} at ({self.left}, {self.top})"


def whole_box(mask: np.ndarray) -> Box:
    """Returns the largest square of the picture that holds the mask, as near to it as can be.

    The whole picture, whatever its shape, where no square holds the mask. mask: [H, W, 1].
    """
    return _square(mask, min(mask.shape[:2]))


def mask_box(mask: np.ndarray, least: int) -> Box:
    """Returns a square around the mask with twice its side, at least `least` pixels a side.

    It lies within the picture; the whole picture where no square holds the mask. mask: [H, W, 1].
    """
    rows, columns = extent(mask)
    side = max(least, round(_CONTEXT * max(rows[1] - rows[0], columns[1] - columns[0])))
    return _square(mask, min(side, *mask.shape[:2]))


def eyes_box(eyes: tuple[float, float, float, float]) -> Box:
    """Returns the square in which the eyes are where they are in aligned faces.

    eyes: (x, y) of the eye on the left of the picture, then of that on its right, in pixels. It
    is upright: a head held at an angle is not turned. Raises InputError unless the second eye is
    to the right of the first.
    """
    left, first_row, right, second_row = eyes
    if not np.isfinite(eyes).all() or right - left < 2:
        raise InputError(
            f"eyes={','.join(f'{x:g}' for x in eyes)}: give x,y of the eye on the left of the "
            "picture, then of that on its right, in pixels"
        )
    side = (right - left) / (EYES_COLUMNS[1] - EYES_COLUMNS[0])
    top = (first_row + second_row) / 2 - EYES_ROW * side
    return Box(
        round(top), round(left - EYES_COLUMNS[0] * side), max(round(side), 1), max(round(side), 1)
    )


def extent(mask: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns (first row, last row + 1), (first column, last column + 1) of what is erased."""
    rows, columns = (np.flatnonzero(mask[..., 0].any(axis=axis)) for axis in (1, 0))
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)


def check_box(box: Box, mask: np.ndarray) -> None:
    """Raises InputError unless the box holds the mask [H, W, 1] and has a sensible size."""
    height, width = mask.shape[:2]
    rows, columns = extent(mask)
    if max(box.height, box.width) > _LARGEST * max(height, width):
        raise InputError(f"the crop {box} is too large for a picture of {width} x {height} pixels")
    if (
        rows[0] < box.top
        or columns[0] < box.left
        or rows[1] > box.top + box.height
        or columns[1] > box.left + box.width
    ):
        raise InputError(
            f"the mask reaches from ({columns[0]}, {rows[0]}) to ({columns[1]}, {rows[1]}), which "
            f"is not inside the crop {box}: erase less, or choose a larger crop"
        )


def cut(x: np.ndarray, box: Box) -> np.ndarray:
    """Returns the box's part of x [H, W, C]; outside of the picture its edge is repeated."""
    rows = np.clip(np.arange(box.top, box.top + box.height), 0, x.shape[0] - 1)
    columns = np.clip(np.arange(box.left, box.left + box.width), 0, x.shape[1] - 1)
    return x[rows[:, None], columns]


def paste(picture: np.ndarray, part: np.ndarray, mask: np.ndarray, box: Box) -> np.ndarray:
    """Returns a copy of the picture [H, W, C] with `part` where the mask [H, W, 1] is not 0.

    part: [height, width, C] of the box; the mask lies inside of the box.
    """
    result = picture.copy()
    rows, columns = np.nonzero(mask[..., 0])
    result[rows, columns] = part[rows - box.top, columns - box.left]
    return result


def shrink_marks(marks: np.ndarray, size: int) -> np.ndarray:
    """Returns uint8 {0, 1} [size, size, 1]: 1 where any pixel below is marked.

    marks: [H, W, 1], not 0 where marked. So no line is lost and nothing erased is shown.
    """
    return (_sums(marks != 0, size) > 0).astype(np.uint8)


def shrink_colors(color: np.ndarray, strokes: np.ndarray, size: int) -> np.ndarray:
    """Returns uint8 [size, size, 3]: the mean colour of the strokes below, 0 where is none.

    color: uint8 [H, W, 3]; strokes: [H, W, 1], not 0 where a colour is given.
    """
    given = strokes != 0
    num = _sums(given, size)
    mean = _sums(np.where(given, color, 0), size) / np.maximum(num, 1)
    return np.round(mean).astype(np.uint8)


def resize_known(image: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """Returns uint8 [size, size, 3]: the image resized from its known pixels alone.

    image: uint8 [H, W, 3]; mask: [H, W, 1], not 0 where erased. What is erased does not colour its
    surroundings; where nothing known is near, the result is 0.
    """
    if image.shape[:2] == (size, size):
        return image * (mask == 0)
    known = (mask == 0).astype(np.float32)
    weights = resize(known, (size, size), _LINEAR)
    colors = resize(image * known, (size, size), _LINEAR)
    mean = np.where(weights > 1e-4, colors / np.maximum(weights, 1e-4), 0)
    return np.clip(np.round(mean), 0, 255).astype(np.uint8)


def _square(mask: np.ndarray, side: int) -> Box:
    height, width = mask.shape[:2]
    rows, columns = extent(mask)
    if max(rows[1] - rows[0], columns[1] - columns[0]) > side:
        return Box(0, 0, height, width)
    top, left = (
        min(max((first + last - side) // 2, 0), pixels - side)
        for (first, last), pixels in ((rows, height), (columns, width))
    )
    return Box(top, left, side, side)


def _sums(x: np.ndarray, size: int) -> np.ndarray:
    """Returns float64 [size, size, C]: sums of x [H, W, C] over the pixels that each new one meets.

    A new pixel meets at least one; where the picture grows, several meet the same.
    """
    for axis in (0, 1):
        pixels = x.shape[axis]
        starts = np.arange(size) * pixels // size
        ends = -(-(np.arange(size) + 1) * pixels // size)
        total = np.cumsum(x, axis=axis, dtype=np.float64)
        before = np.concatenate([np.zeros_like(total.take([0], axis)), total], axis=axis)
        x = before.take(ends, axis) - before.take(starts, axis)
    return x
