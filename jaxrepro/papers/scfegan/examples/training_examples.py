"""Training examples: a picture, a region that is erased, and what a user gives to fill it.

All randomness comes from one generator, so that an example is a function of (seed, epoch, index).
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.source import Item, Items
from jaxrepro.data.strokes.free_form_mask import (
    COLOR_BRUSH,
    ERASER,
    USUAL_MASKS,
    Brush,
    MaskMix,
    aligned_eyes,
    mixed_mask,
)
from jaxrepro.data.transforms import Transform
from jaxrepro.papers.scfegan.examples.drops import (
    USUAL_DROPS,
    Drops,
    binary_noise,
    color_strokes,
    drop_lines,
)
from jaxrepro.papers.scfegan.faces.face_regions import random_hair_ring

# Hair that is a guess is erased no more often than this.
GUESSED_HAIR = 0.1


@dataclasses.dataclass(frozen=True)
class ExampleSettings:
    """How examples are drawn.

    Attributes:
      aligned: whether the pictures are aligned faces: strokes may begin at the eyes, and a random
        ring stands for hair that was not found.
      num_sketches: how many sketches a picture has; one of them is taken at random.
      mix: kinds of masks.
      eraser: the brush of the masks.
      color_brush: the brush of the colour strokes.
      drops: what is left out of sketch and colours.
      flip: mirror half of the pictures.
      brightness: largest shift of all colours, as a share of 255.
      contrast: largest relative change of the distance to the middle grey.
    """

    aligned: bool
    num_sketches: int = 1
    mix: MaskMix = USUAL_MASKS
    eraser: Brush = ERASER
    color_brush: Brush = COLOR_BRUSH
    drops: Drops = USUAL_DROPS
    flip: bool = True
    brightness: float = 0.1
    contrast: float = 0.15

    def __post_init__(self):
        if not 0 <= self.brightness < 1 or not 0 <= self.contrast < 1:
            raise InputError(
                f"brightness={self.brightness} and contrast={self.contrast} given; both must lie "
                "in [0, 1)"
            )

    def without_augmentation(self) -> "ExampleSettings":
        """Settings for evaluation: the picture as it is, its first sketch, nothing dropped."""
        nothing = Drops(sketch=0, line=0, color=0, full_color=0)
        return dataclasses.replace(
            self, num_sketches=1, drops=nothing, flip=False, brightness=0.0, contrast=0.0
        )


def draw_example(item: Item, rng: np.random.Generator, settings: ExampleSettings) -> Item:
    """A training example of a picture with its maps (see `derived_maps.derive_maps`).

    Returns:
      {"image": uint8 [S, S, 3]; "mask": 1 = erased; "sketch": 1 = line; "color": uint8 [S, S, 3],
      0 where none is given; "strokes": 1 = a colour is given; "noise"}, each uint8 {0, 1}
      [S, S, 1] where nothing else is said. Nothing is multiplied by the mask.
    """
    import cv2

    size = item["image"].shape[0]
    flipped = settings.flip and rng.random() < 0.5
    image, sketches, color, regions = (
        item[name][:, ::-1] if flipped else item[name]
        for name in ("image", "sketches", "color", "regions")
    )
    if settings.brightness or settings.contrast:
        # The map was derived from the picture by medians and averages of colours, which change
        # with the picture: so this is, nearly, the map of the changed picture.
        levels = _levels(rng, settings)
        image, color = (cv2.LUT(np.ascontiguousarray(x), levels) for x in (image, color))
    hair, face, known = regions & 1, regions >> 1 & 1, bool(regions[0, 0, 0] & 4)
    mix = settings.mix
    if not known:
        mix = dataclasses.replace(mix, hair=min(mix.hair, GUESSED_HAIR))
        if settings.aligned and not hair.any():
            hair = random_hair_ring(size, rng)
    mask = mixed_mask(
        size,
        rng,
        mix,
        brush=settings.eraser,
        eyes=aligned_eyes(size, flipped=flipped) if settings.aligned else None,
        hair=hair,
        face=face,
    )
    style = int(rng.integers(settings.num_sketches))
    sketch = drop_lines(sketches >> style & 1, rng, settings.drops)
    strokes = color_strokes(size, rng, settings.drops, settings.color_brush)
    return {
        "image": np.ascontiguousarray(image),
        "mask": mask,
        "sketch": sketch,
        "color": color * strokes,
        "strokes": strokes,
        "noise": binary_noise(size, rng),
    }


def example_transform(settings: ExampleSettings) -> Transform:
    """Pictures with maps to examples, drawn anew at every visit (for `train_iterator`)."""
    return Transform(prepare=_as_it_is, augment=functools.partial(draw_example, settings=settings))


class FixedExamples(Items):
    """One example of each picture, always the same: example i depends on (seed, i) alone.

    For evaluation and previews, with `eval_batches` and `FIXED`. What is erased is called "hole"
    here, because in those batches "mask" tells which rows count; see `conditions_of`.
    """

    def __init__(self, faces: Items, settings: ExampleSettings, *, seed: int = 0):
        self._faces = faces
        self._settings = settings
        self._seed = seed

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, index: int) -> Item:
        rng = np.random.default_rng([self._seed, index])
        example = draw_example(self._faces[index], rng, self._settings)
        return {"hole": example.pop("mask"), **example}

    def __repr__(self) -> str:
        return f"FixedExamples({self._faces!r}, {self._settings!r}, seed={self._seed})"


def conditions_of(batch: Mapping[str, Any]) -> dict[str, Any]:
    """What `draw_example` gives, of a batch of `FixedExamples`: "mask" is what is erased again."""
    names = ("image", "sketch", "color", "strokes", "noise")
    return {"mask": batch["hole"], **{name: batch[name] for name in names}}


def _as_it_is(item: Item) -> Item:
    return item


# The transform of examples that are drawn already.
FIXED = Transform(prepare=_as_it_is)


def _levels(rng: np.random.Generator, settings: ExampleSettings) -> np.ndarray:
    """New values of the colours 0..255, uint8 [256]."""
    gain = 1 + rng.uniform(-settings.contrast, settings.contrast)
    shift = 255 * rng.uniform(-settings.brightness, settings.brightness)
    return np.clip(np.rint((np.arange(256) - 127.5) * gain + 127.5 + shift), 0, 255).astype(
        np.uint8
    )
