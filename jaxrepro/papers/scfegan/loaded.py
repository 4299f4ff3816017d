"""A generator that completes faces, in Python: what `jaxrepro.load` returns for SC-FEGAN."""

import os
from typing import Any

import numpy as np

from jaxrepro.core.config import checked_seed
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.plain_arrays import checked_marks, checked_picture, described
from jaxrepro.data.formats.picture_files import Picture
from jaxrepro.papers.scfegan.inference.crops import Box
from jaxrepro.papers.scfegan.inference.editing import Editor
from jaxrepro.papers.scfegan.inference.mark_pictures import colors_of
from jaxrepro.papers.scfegan.trained import Trained, is_checkpoint, load_trained

PUBLISHED = "the TensorFlow checkpoint of SC-FEGAN's authors"


def fits(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like the authors' checkpoint."""
    return is_checkpoint(path)


def load(
    path: str | os.PathLike[str],
    *,
    step: int | str | None = None,
    average: bool | None = None,
    deconv_gate: str | None = None,
) -> "FaceEditor":
    """Returns the generator in `path`; all is as in `trained.load_trained`."""
    return FaceEditor(load_trained(path, step=step, average=average, deconv_gate=deconv_gate))


class FaceEditor:
    """Completes what is erased from a picture of a face.

    Attributes: origin, where the network is from; trained, the network with its variables.
    """

    def __init__(self, trained: Trained):
        self.trained = trained
        self.origin = trained.origin
        self._editor = Editor(trained)

    def edit(
        self,
        image: Any,
        mask: Any,
        sketch: Any = None,
        color: Any = None,
        seed: int = 0,
        *,
        crop: str | Box = "whole",
    ) -> np.ndarray:
        """Returns the picture uint8 [H, W, 3]; outside of the mask it is the input, byte for byte.

        image: uint8 [H, W, 3], RGB, of any size. mask, sketch: [H, W], True or above 0 where the
        picture is erased and where a line is. color: uint8 [H, W, 4], RGBA, a colour to follow
        where it is opaque. crop: the part that the generator sees, see `editing.Editor.box`.

        Raises InputError if the mask is empty, or arrays are of another type or shape.
        """
        picture = checked_picture(image)
        strokes = None
        if color is not None:
            layer = np.asarray(color)
            if layer.dtype != np.uint8 or layer.shape != (*picture.shape[:2], 4):
                height, width = picture.shape[:2]
                raise InputError(
                    f"color is {described(layer)}; it must be RGBA, uint8 [{height}, {width}, 4]"
                )
            color, strokes = colors_of(Picture(layer[..., :3], layer[..., 3]))
        (edited,) = self._editor.edit(
            picture,
            checked_marks(mask, picture, "mask"),
            None if sketch is None else checked_marks(sketch, picture, "sketch"),
            color,
            strokes,
            seed=checked_seed(seed),
            crop=crop,
        )
        return edited
