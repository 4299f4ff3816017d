"""Joints of one person in a picture of any size, by a trained network."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.state import Variables
from jaxrepro.data.pose_crop import crop_image, crop_matrix
from jaxrepro.metrics.pose_decode import DECODE_STYLES, peaks, to_picture
from jaxrepro.metrics.pose_search import scale_average
from jaxrepro.papers.pyranet.inference import Predictor


@dataclasses.dataclass(frozen=True)
class FoundJoints:
    """points: float64 [K, 2] in pixels of the picture, NaN where a map has no positive value.

    confidences: float64 [K], the highest value of each map; in training it is 1 at a joint.
    """

    points: np.ndarray
    confidences: np.ndarray


class JointFinder:
    """Finds the joints of one person after another; all share one program.

    With zooms, the person is looked at in squares so many times as wide, whose maps are averaged
    on a grid over the widest of them, with cells of a pixel of the plain crop; the joint is the
    middle of the highest cell, as in PyraNet's code, which has a grid of the picture's pixels.
    """

    def __init__(
        self,
        predictor: Predictor,
        variables: Variables,
        size: int,
        zooms: tuple[float, ...] = (),
    ):
        """size: side of a crop in pixels. zooms: none for one square and the decoding's own way."""
        self._variables = jax.device_put(variables)
        self._size = size
        self._zooms = zooms or (1.0,)
        # Cells, or pixels of the crop, along the widest square.
        self._resolution = math.ceil(size * max(zooms)) if zooms else size

        def one(variables: Variables, crops: jax.Array) -> tuple[jax.Array, jax.Array]:
            points, values = predictor.points(variables, crops, jax.random.key(0))
            return points[0], values[0]

        def search(variables: Variables, crops: jax.Array) -> tuple[jax.Array, jax.Array]:
            maps = predictor.maps(variables, crops, jax.random.key(0))
            style = DECODE_STYLES[predictor.decode_style]
            grid = scale_average(
                maps[:, None], zooms, self._resolution, cell_point=style.cell_point
            )
            cells, values = peaks(grid[0])
            return cells.astype(jnp.float32) + 0.5, values

        self._find = jax.jit(search if zooms else one)

    def __call__(self, image: np.ndarray, center: np.ndarray, scale: float) -> FoundJoints:
        """Returns the joints of the person in the square of 200 scale pixels around `center`.

        image: uint8 [H, W, 3]. center: [2].
        """
        crops = [
            crop_image(image, crop_matrix(center, scale * zoom, self._size), self._size)
            for zoom in self._zooms
        ]
        points, values = jax.device_get(self._find(self._variables, np.stack(crops)))
        widest = np.array([scale * max(self._zooms)])
        given = points[None].astype(np.float64)
        placed = to_picture(given, center[None], widest, self._resolution)[0]
        confidences = values.astype(np.float64)
        return FoundJoints(np.where(confidences[:, None] > 0, placed, np.nan), confidences)
