"""A person cut out of a picture: scaled, turned and centred, and coordinates there and back.

All coordinates are continuous: pixel i covers [i, i + 1). So one matrix serves crops and heat
maps of any resolution, and a mirror takes x to size - x.
"""

import dataclasses
import functools

import numpy as np
from PIL import Image

from jaxrepro.data.pose.people import People
from jaxrepro.data.source import Item
from jaxrepro.data.transforms import Transform

# A person of scale 1 is this high in pixels.
PIXELS_PER_SCALE = 200


@dataclasses.dataclass(frozen=True)
class Padding:
    """How the square around a person follows from its place and size.

    enlarged: side of the square by the size of the person. moved_down: in pixels at scale 1.
    """

    enlarged: float = 1.0
    moved_down: float = 0.0

    def box(self, center: np.ndarray, scale: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Returns (center [..., 2], scale [...]) of the square; it is 200 scale pixels wide."""
        scale = np.asarray(scale, np.float64)
        down = np.stack([np.zeros_like(scale), self.moved_down * scale], axis=-1)
        return center + down, scale * self.enlarged


# Of the hourglass code for MPII: feet stay inside.
MPII_PADDING = Padding(1.25, 15.0)
# For boxes around joints, which end in the middle of hands and feet.
JOINT_BOX_PADDING = Padding(1.25)


def crop_matrix(center: np.ndarray, scale: float, size: int, rotation: float = 0.0) -> np.ndarray:
    """Returns the matrix from picture to crop coordinates, float64 [3, 3].

    The square of 200 scale pixels around `center` becomes `size` pixels; then the picture is
    turned about the middle of the crop by `rotation` degrees, anticlockwise as one sees it.
    """
    side = PIXELS_PER_SCALE * scale
    zoom = size / side
    angle = np.deg2rad(-rotation)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    matrix[:2, 2] = size / 2 - turn @ center
    return matrix


def map_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns `points` [..., 2] under a matrix [3, 3] such as that of `crop_matrix`."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def crop_image(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """Returns the crop, uint8 [size, size, 3], bilinear; black outside the picture.

    image: uint8 [H, W, 3]. Where it is shrunk to a half or less, it is first averaged over squares
    of a whole number of pixels, so that fine structure does not alias.
    """
    inverse = np.linalg.inv(matrix)
    corners = map_points(inverse, size * np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float64))
    # One pixel more for the interpolation.
    limit = np.array(image.shape[1::-1])
    left, top = np.clip(np.floor(corners.min(axis=0)) - 1, 0, limit).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, limit).astype(int)
    if right <= left or bottom <= top:
        return np.zeros((size, size, 3), np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
    factor = max(1, int(np.sqrt(abs(np.linalg.det(inverse)))))
    if factor > 1:
        picture = picture.reduce(factor)
    inverse[:2, 2] -= (left, top)
    coefficients = (inverse[:2] / factor).ravel().tolist()
    crop = picture.transform(
        (size, size), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(crop)


def crop_transform(size: int, padding: Padding) -> Transform:
    """Returns the transform of evaluation: each person in the middle of a crop.

    Items become {"image": uint8 [size, size, 3], "joints": float32 [K, 2] in pixels of the crop,
    "labelled", "visible": bool [K]}. Batches of an evaluation say themselves which items they hold.
    """
    return Transform(functools.partial(_evaluated, size=size, padding=padding))


def zoomed_crops_transform(size: int, padding: Padding, zooms: tuple[float, ...]) -> Transform:
    """Returns the transform of tests at several scales.

    Items become {"image": uint8 [Z, size, size, 3]}, crop z zooms[z] times as wide as that of
    `crop_transform`, about the same centre.
    """
    return Transform(functools.partial(_zoomed_crops, size=size, padding=padding, zooms=zooms))


def cropped(
    item: Item, *, size: int, padding: Padding, zoom: float = 1.0, rotation: float = 0.0
) -> Item:
    """Returns the person of an item of `People`: the fields of `crop_transform`, and "index".

    zoom: widens the square. rotation: see `crop_matrix`.
    """
    center, scale = padding.box(item["center"], item["scale"])
    matrix = crop_matrix(center, float(scale) * zoom, size, rotation)
    return {
        "image": crop_image(item["image"], matrix, size),
        "joints": map_points(matrix, item["joints"]).astype(np.float32),
        "labelled": item["labelled"],
        "visible": item["visible"],
        "index": item["index"],
    }


def _evaluated(item: Item, *, size: int, padding: Padding) -> Item:
    fields = cropped(item, size=size, padding=padding)
    return {name: value for name, value in fields.items() if name != "index"}


def boxes(people: People, padding: Padding) -> tuple[np.ndarray, np.ndarray]:
    """Returns (centers [N, 2], scales [N]) of the squares that `crop_transform` cuts, float64."""
    return padding.box(people.centers, people.scales)


def _zoomed_crops(item: Item, *, size: int, padding: Padding, zooms: tuple[float, ...]) -> Item:
    crops = [cropped(item, size=size, padding=padding, zoom=zoom) for zoom in zooms]
    return {"image": np.stack([crop["image"] for crop in crops])}
