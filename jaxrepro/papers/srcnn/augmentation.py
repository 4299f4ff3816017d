"""More training data: pictures in several sizes, patches turned and mirrored."""

import dataclasses
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.pictures import Pictures
from jaxrepro.data.resize import resize
from jaxrepro.data.ycbcr import to_uint8


def rotate(item: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Returns the patch and its target turned by 0, 90, 180 or 270 degrees, equally often."""
    turns = int(rng.integers(4))
    return {name: np.rot90(planes, turns) for name, planes in item.items()}


def rotate_and_mirror(item: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Returns the patch and its target in one of the 8 symmetries of a square, equally often."""
    turned = rotate(item, rng)
    if rng.random() < 0.5:
        return turned
    return {name: planes[:, ::-1] for name, planes in turned.items()}


# By config name.
AUGMENTATIONS = {"none": None, "rotations": rotate, "symmetries": rotate_and_mirror}


@dataclasses.dataclass(frozen=True)
class RescaledPictures(Pictures):
    """Every picture of a set in several sizes, one after the other.

    factors: of the sides, which are rounded to whole pixels; at most 1.
    """

    factors: tuple[float, ...] = (1.0,)

    def read(self, index: int) -> np.ndarray:
        """Returns picture `index`, uint8 [H, W, 1 or 3], shrunk by MATLAB's bicubic."""
        pixels = super().read(index)
        factor = self.factors[index % len(self.factors)]
        height, width = (max(1, round(size * factor)) for size in pixels.shape[:2])
        return to_uint8(resize(pixels.astype(np.float32) / 255, (height, width)))


def rescaled(pictures: Pictures, factors: tuple[float, ...]) -> Pictures:
    """Returns the pictures and, behind each, itself shrunk by the `factors`.

    Raises InputError for a factor that does not shrink.
    """
    if not factors:
        return pictures
    if not all(0 < factor < 1 for factor in factors):
        raise InputError(f"data.rescale={factors} given; factors lie between 0 and 1")
    factors = (1.0, *factors)
    return RescaledPictures(
        pictures.spec,
        tuple(f"{name}x{factor:g}" for name in pictures.names for factor in factors),
        tuple(path for path in pictures.paths for _ in factors),
        factors,
    )
