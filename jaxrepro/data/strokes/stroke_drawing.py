"""Strokes of a round brush as binary pictures.

The training masks and the pictures that people draw come from the same code, so that a network
meets in use what it met in training.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from jaxrepro.core.errors import InputError

# OpenCV takes 32-bit fixed-point coordinates: 4 bits are below the pixel.
_FRACTION_BITS = 4
LARGEST_COORDINATE = 2**16
LARGEST_WIDTH = 2**12


@dataclasses.dataclass(frozen=True)
class Stroke:
    """One movement of a round brush.

    Attributes:
      points: float [N, 2], N >= 1: (x, y) in pixels from the upper left corner of the picture, as
        a browser counts them; the centre of the first pixel is (0.5, 0.5). One point is a dot.
        Points may lie outside the picture.
      width: diameter of the brush in pixels; what is thinner than 1 is drawn 1 pixel wide.

    Raises:
      InputError: if the points have another shape, are not finite or lie further out than
        `LARGEST_COORDINATE`, or the width is not in (0, `LARGEST_WIDTH`].
    """

    points: np.ndarray
    width: float

    def __post_init__(self):
        try:
            points = np.asarray(self.points, np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"the points of a stroke are not pairs of numbers: {error}") from error
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise InputError(
                f"the points of a stroke have the shape {points.shape}; give one or more (x, y)"
            )
        # Not ">": NaN must be refused, too.
        if not np.abs(points).max() <= LARGEST_COORDINATE:
            raise InputError(
                f"a stroke reaches the coordinate {points.flat[np.abs(points).argmax()]}; "
                f"coordinates must lie in [-{LARGEST_COORDINATE}, {LARGEST_COORDINATE}]"
            )
        if not 0 < self.width <= LARGEST_WIDTH:
            raise InputError(
                f"a stroke of width {self.width} given; it must lie in (0, {LARGEST_WIDTH}]"
            )
        object.__setattr__(self, "points", points)

    def scaled(self, factor: float) -> "Stroke":
        """The stroke on a picture that is `factor` times as large."""
        return Stroke(self.points * factor, self.width * factor)


def draw_strokes(height: int, width: int, strokes: Iterable[Stroke]) -> np.ndarray:
    """The pixels that the strokes cover, uint8 {0, 1} [height, width, 1].

    Joints and ends are round. Nothing is antialiased: a pixel is covered if its centre lies within
    half the stroke's width of its line, give or take one on the edge. Lines 1 pixel wide are
    8-connected.
    """
    import cv2

    picture = np.zeros((height, width), np.uint8)
    scale = 1 << _FRACTION_BITS
    for stroke in strokes:
        # OpenCV fills shapes together with their outline, half a pixel on each side.
        radius = (stroke.width - 1) / 2
        # For OpenCV whole numbers are the centres of pixels.
        centers = stroke.points - 0.5
        fixed = np.rint(centers * scale).astype(np.int32)
        if radius * scale < 0.5 and len(fixed) > 1:
            cv2.polylines(picture, [fixed], False, 1, 1, cv2.LINE_8, _FRACTION_BITS)
            continue
        # OpenCV's own thick lines are up to two pixels too wide.
        along = np.diff(centers, axis=0)
        length = np.hypot(along[:, 0], along[:, 1])[:, np.newaxis]
        side = along[:, ::-1] * [-radius, radius] / np.maximum(length, 1e-9)
        begin, end = centers[:-1], centers[1:]
        corners = np.stack([begin + side, end + side, end - side, begin - side], axis=1)
        for quadrangle in np.rint(corners * scale).astype(np.int32):
            cv2.fillConvexPoly(picture, quadrangle, 1, cv2.LINE_8, _FRACTION_BITS)
        fixed_radius = round(max(0.0, radius) * scale)
        for center in fixed.tolist():
            cv2.circle(picture, center, fixed_radius, 1, cv2.FILLED, cv2.LINE_8, _FRACTION_BITS)
    return picture[..., np.newaxis]
