"""Editing of pictures of any size: crop, complete, resize back and paste into the hole."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.config import checked_seed
from jaxrepro.core.errors import InputError
from jaxrepro.core.random import named_key
from jaxrepro.core.state import Variables
from jaxrepro.data.formats.resize import resize
from jaxrepro.papers.scfegan.inference import crops
from jaxrepro.papers.scfegan.inference.crops import CROPS, Box
from jaxrepro.papers.scfegan.network.conditions import (
    composite,
    draw_noise,
    generator_input,
    scaled,
)
from jaxrepro.papers.scfegan.network.generator import Generator
from jaxrepro.papers.scfegan.trained import Trained


class Editor:
    """Completes erased parts of pictures, after a user's sketch and colours.

    Every result is the input outside of the mask, to the last bit.
    """

    def __init__(self, trained: Trained):
        self.trained = trained
        self._variables = jax.device_put(trained.variables)

    def edit(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        sketch: np.ndarray | None = None,
        color: np.ndarray | None = None,
        strokes: np.ndarray | None = None,
        *,
        seed: int = 0,
        num: int = 1,
        crop: str | Box = "whole",
    ) -> list[np.ndarray]:
        """Returns `num` pictures uint8 [H, W, 3], which differ in their noise.

        image: uint8 [H, W, 3], RGB. mask, sketch, strokes: uint8 {0, 1} [H, W, 1]: erased, line,
        and where `color`, uint8 [H, W, 3], counts; of what lies outside of the mask nothing is
        used. Picture i is a function of the seed and i, whatever `num` is. crop: what the generator
        sees, see `box`.

        Raises InputError if nothing is erased, the arrays do not fit together or the crop does not
        hold the mask.
        """
        arrays = _checked(image, mask, sketch, color, strokes)
        if num < 1:
            raise InputError(f"num={num} given; it starts at 1")
        checked_seed(seed)
        box = self.box(arrays["mask"], crop)
        conditions = self._conditions(arrays, box)
        root = named_key(jax.random.key(seed), "noise")
        results = []
        for index in range(num):
            completed = _complete(
                self.trained.module, self._variables, conditions, jax.random.fold_in(root, index)
            )
            part = resize(np.asarray(completed)[0], (box.height, box.width))
            part = part[..., :: self._step]
            part = np.clip(np.round((part + 1) * 127.5), 0, 255).astype(np.uint8)
            results.append(crops.paste(arrays["image"], part, arrays["mask"], box))
        return results

    def box(self, mask: np.ndarray, crop: str | Box = "whole") -> Box:
        """Returns the part of the picture that the generator sees for this mask [H, W, 1].

        crop: "whole", the largest square that holds the mask (all of a square picture, as the
        network was trained); "mask", a square around the mask with twice its side; or a box, such
        as `crops.eyes_box` makes for a face somewhere in a large picture. Raises InputError if it
        does not hold the mask.
        """
        if isinstance(crop, Box):
            box = crop
        elif crop not in CROPS:
            raise InputError(f"crop={crop!r}; allowed are {', '.join(CROPS)} or a box")
        elif crop == "whole":
            box = crops.whole_box(mask)
        else:
            box = crops.mask_box(mask, self.trained.resolution)
        crops.check_box(box, mask)
        return box

    @property
    def _step(self) -> int:
        return 1 if self.trained.channel_order == "rgb" else -1

    def _conditions(self, arrays: Mapping[str, np.ndarray], box: Box) -> dict[str, np.ndarray]:
        """Returns the conditions of the crop at the generator's size, with a batch axis."""
        size = self.trained.resolution
        # Before a pixel of the small picture stands for some inside and some outside of the mask.
        inside = {name: arrays[name] * arrays["mask"] for name in ("sketch", "strokes")}
        part = {name: crops.cut(x, box) for name, x in {**arrays, **inside}.items()}
        image = crops.resize_known(part["image"], part["mask"], size)
        color = crops.shrink_colors(part["color"], part["strokes"], size)
        marks = {
            name: crops.shrink_marks(part[name], size) for name in ("mask", "sketch", "strokes")
        }
        conditions = marks | {
            "image": image[..., :: self._step],
            "color": color[..., :: self._step],
        }
        return {name: x[None] for name, x in conditions.items()}


# Edits come from a command or the studio, outside loop and evaluators.
@functools.partial(jax.jit, static_argnums=0)
def _complete(
    module: Generator, variables: Variables, conditions: Mapping[str, jax.Array], key: jax.Array
) -> jax.Array:
    """Returns float32 [1, S, S, 3] in [-1, 1], the composite of input and result."""
    noise = draw_noise(key, conditions["mask"].shape)
    generated = module.apply(variables, generator_input({**conditions, "noise": noise}))
    assert isinstance(generated, jax.Array)
    return composite(generated, scaled(jnp.asarray(conditions["image"])), conditions["mask"])


def _checked(
    image: np.ndarray,
    mask: np.ndarray,
    sketch: np.ndarray | None,
    color: np.ndarray | None,
    strokes: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """Returns the arrays by name, absent ones empty; raises InputError if they do not fit."""
    image = np.asarray(image)
    if image.ndim != 3 or image.dtype != np.uint8 or image.shape[2] != 3:
        raise InputError(f"image is {image.dtype} {image.shape}; it must be uint8 [H, W, 3]")
    if (color is None) != (strokes is None):
        raise InputError("color and strokes go together; give both or neither")
    empty = np.zeros((*image.shape[:2], 1), np.uint8)
    arrays = {
        "image": image,
        "mask": np.asarray(mask),
        "sketch": empty if sketch is None else np.asarray(sketch),
        "color": np.zeros_like(image) if color is None else np.asarray(color),
        "strokes": empty if strokes is None else np.asarray(strokes),
    }
    for name, array in arrays.items():
        shape = image.shape if name in ("image", "color") else empty.shape
        if array.shape != shape or array.dtype != np.uint8:
            raise InputError(
                f"{name} is {array.dtype} {array.shape} for an image {image.shape}; it must be "
                f"uint8 {shape}"
            )
        if name not in ("image", "color") and array.max(initial=0) > 1:
            raise InputError(f"{name} has the value {array.max()}; it must be 0 or 1")
    if not arrays["mask"].any():
        raise InputError("the mask erases nothing")
    return arrays
