"""What training needs of a picture and is the same at every visit: sketches, colours, regions."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.source import Item
from jaxrepro.data.transforms import center_square, resize
from jaxrepro.papers.scfegan.faces.color_maps import (
    PAINT,
    ColorStyle,
    median_colors,
    parts_of_picture,
    smoothed,
)
from jaxrepro.papers.scfegan.faces.face_regions import aligned_face, likely_hair, regions_of_labels
from jaxrepro.papers.scfegan.faces.sketches import STYLES, LineStyle, canny_sketches

# Counts changes of this module that change its results.
_VERSION = 1
# A face of fewer pixels has no parts.
_SMALLEST = 16
# The most bits of a byte.
_MAX_SKETCHES = 8

# Lines of a picture: uint8 [H, W, 3] -> uint8 {0, 1} [H, W, 1].
Sketcher = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class MapRecipe:
    """How the maps of a picture are made.

    Attributes:
      size: side of the square picture and of its maps in pixels.
      aligned: whether the pictures are faces aligned as those of CelebA-HQ and FFHQ are. Without
        that or a label map there are no regions.
      styles: of the sketches by Canny, at most 8.
      color: style of the colour map.
      edge_weights: hash of the weights of the network that draws the one sketch instead of Canny;
        empty for Canny.
    """

    size: int
    aligned: bool = True
    styles: tuple[LineStyle, ...] = STYLES
    color: ColorStyle = PAINT
    edge_weights: str = ""

    def __post_init__(self):
        if self.size < _SMALLEST:
            raise InputError(f"size={self.size} given; it must be at least {_SMALLEST} pixels")
        if not 1 <= len(self.styles) <= _MAX_SKETCHES:
            raise InputError(f"{len(self.styles)} styles given; allowed are 1 to {_MAX_SKETCHES}")

    @property
    def num_sketches(self) -> int:
        """How many sketches a picture has."""
        return 1 if self.edge_weights else len(self.styles)

    def to_json(self) -> str:
        """The recipe as text: equal texts give equal maps."""
        return json.dumps({"version": _VERSION, **dataclasses.asdict(self)}, sort_keys=True)

    def key(self, *contents: bytes) -> str:
        """The name of what the recipe makes of the content of a picture's files."""
        digest = hashlib.sha256(self.to_json().encode())
        for content in contents:
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()


def square_picture(picture: np.ndarray, size: int) -> np.ndarray:
    """The centre square of a picture in another size, uint8 [size, size, 3]."""
    return resize(center_square(picture), size)


def square_labels(labels: np.ndarray, size: int) -> np.ndarray:
    """The centre square of a label map in another size, uint8 [size, size]."""
    import cv2

    square = np.ascontiguousarray(center_square(labels[..., np.newaxis])[..., 0])
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)


def derive_maps(
    image: np.ndarray,
    labels: np.ndarray | None,
    recipe: MapRecipe,
    sketcher: Sketcher | None = None,
) -> Item:
    """The picture with all that is derived from it.

    Args:
      image: uint8 [S, S, 3] with S = `recipe.size`.
      labels: parts of the face, uint8 [S, S]; None where they are not known.
      recipe: how the maps are made.
      sketcher: draws the sketch in place of Canny; needed if the recipe has `edge_weights`.

    Returns:
      {"image": uint8 [S, S, 3], "sketches": uint8 [S, S, 1], sketch k in bit k,
      "color": uint8 [S, S, 3], "regions": uint8 [S, S, 1], bit 0 hair, bit 1 face, bit 2 set
      everywhere if they come from a label map}.
    """
    if image.shape != (recipe.size, recipe.size, 3):
        raise InputError(f"a picture of {image.shape} given; the recipe is for {recipe.size}")
    if recipe.edge_weights:
        assert sketcher is not None
        sketches = [sketcher(image)]
    else:
        sketches = canny_sketches(image, recipe.styles)
    soft = smoothed(image, recipe.color)
    parts = parts_of_picture(soft, labels, recipe.color)
    color = median_colors(soft, parts)
    if labels is not None:
        hair, face = regions_of_labels(labels)
    elif recipe.aligned:
        hair, face = likely_hair(color, parts), aligned_face(recipe.size)
    else:
        hair = face = np.zeros_like(sketches[0])
    return {
        "image": image,
        "sketches": functools.reduce(
            np.bitwise_or, [sketch << number for number, sketch in enumerate(sketches)]
        ),
        "color": color,
        "regions": hair | face << 1 | np.uint8(4 if labels is not None else 0),
    }
