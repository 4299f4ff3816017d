"""A super-resolution network in Python: what `jaxrepro.load` returns for SRCNN."""

import os
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.plain_arrays import described
from jaxrepro.data.formats.picture_files import Picture
from jaxrepro.papers.srcnn.enlarge import Enlarger
from jaxrepro.papers.srcnn.trained import Trained, is_mat, load_trained

PUBLISHED = "a .mat file of SRCNN's authors"


def fits(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a file of the authors."""
    return is_mat(path)


def load(
    path: str | os.PathLike[str], *, step: int | str | None = None, scale: int | None = None
) -> "SuperResolution":
    """Returns the network in `path`; all is as in `trained.load_trained`."""
    return SuperResolution(load_trained(path, scale, step=step))


class SuperResolution:
    """Enlarges pictures.

    Attributes: scale, by which it enlarges; origin, where the network is from; trained, the network
    with its variables.
    """

    def __init__(self, trained: Trained):
        self.trained = trained
        self.origin = trained.origin
        self.scale = trained.scale
        self._enlargers: dict[bool, Enlarger] = {}

    def enlarge(self, image: Any, *, ensemble: bool = False) -> np.ndarray:
        """Returns the image, `scale` times as high and as wide, of the same type and channels.

        image: uint8 or uint16, grey [H, W] or [H, W, 1], grey with alpha [H, W, 2], RGB [H, W, 3]
        or RGBA [H, W, 4]. ensemble: whether the results for its 8 flips and rotations are averaged,
        which takes 8 times as long. Raises InputError for another shape or type.
        """
        array = np.asarray(image)
        grey = array[..., None] if array.ndim == 2 else array
        if grey.ndim != 3 or not 1 <= grey.shape[2] <= 4 or grey.dtype not in ("u1", "u2"):
            raise InputError(
                f"image is {described(array)}; it must be uint8 or uint16 [height, width], or "
                "[height, width, 1 to 4]: grey, grey and alpha, RGB, RGBA"
            )
        if grey.size == 0:
            raise InputError(f"image is {described(array)}; it has no pixels")
        has_alpha = grey.shape[2] in (2, 4)
        color, alpha = (grey[..., :-1], grey[..., -1]) if has_alpha else (grey, None)
        if ensemble not in self._enlargers:
            self._enlargers[ensemble] = Enlarger(self.trained, ensemble=ensemble)
        samples = self._enlargers[ensemble](Picture(color, alpha)).samples
        return samples[..., 0] if array.ndim == 2 else samples
