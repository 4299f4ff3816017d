"""Joints of one person in a picture of any size, by a trained network."""

import dataclasses

import jax
import numpy as np

from jaxrepro.core.state import Variables
from jaxrepro.data.pose_crop import crop_image, crop_matrix
from jaxrepro.metrics.pose_decode import to_picture
from jaxrepro.papers.pyranet.inference import Predictor
from jaxrepro.papers.pyranet.searches import Search, search_crops


@dataclasses.dataclass(frozen=True)
class FoundJoints:
    """points: float64 [K, 2] in pixels of the picture, NaN where a map has no positive value.

    confidences: float64 [K], the highest value of each map; in training it is 1 at a joint.
    """

    points: np.ndarray
    confidences: np.ndarray


class JointFinder:
    """Finds the joints of one person after another; all share one program."""

    def __init__(self, predictor: Predictor, variables: Variables, size: int, search: Search):
        """size: side of a crop in pixels. search: `predictor.flip` has no effect, this says it."""
        self._variables = jax.device_put(variables)
        self._size = size
        self._zooms = search.zooms

        def find(variables: Variables, crops: jax.Array) -> tuple[jax.Array, jax.Array]:
            searches = {"": search}
            found = search_crops(
                predictor, variables, crops, search.zooms, searches, jax.random.key(0)
            )
            return found[""]

        # One program for all people: pictures come one at a time, outside loop and evaluators.
        self._find = jax.jit(find)

    def __call__(self, image: np.ndarray, center: np.ndarray, scale: float) -> FoundJoints:
        """Returns the joints of the person in the square of 200 scale pixels around `center`.

        image: uint8 [H, W, 3]. center: [2].
        """
        crops = [
            crop_image(image, crop_matrix(center, scale * zoom, self._size), self._size)
            for zoom in self._zooms
        ]
        found = jax.device_get(self._find(self._variables, np.stack(crops)[None]))
        shares, confidences = (array.astype(np.float64) for array in found)
        widest = np.array([scale * max(self._zooms)])
        points = to_picture(shares, center[None], widest, 1)[0]
        return FoundJoints(np.where(confidences[0, :, None] > 0, points, np.nan), confidences[0])
