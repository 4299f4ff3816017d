"""What a user might give of a picture's sketch and colours: some of it, or nothing."""

import dataclasses

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.strokes.free_form_mask import COLOR_BRUSH, Brush, random_strokes
from jaxrepro.data.strokes.stroke_drawing import draw_strokes

# A normal number of standard deviation 255, saturated to a byte and divided by 255 without
# remainder, is 1 if it exceeds 255: so noise is made in the authors' program.
NOISE_PROBABILITY = 0.159


@dataclasses.dataclass(frozen=True)
class Drops:
    """How much of the user's input is left out, as probabilities; the paper does not say.

    Attributes:
      sketch: nothing is drawn.
      line: a connected line of the sketch is missing, each by itself.
      color: no colour is given.
      full_color: colours are given everywhere instead of in strokes.
    """

    sketch: float = 0.1
    line: float = 0.2
    color: float = 0.15
    full_color: float = 0.1

    def __post_init__(self):
        values = dataclasses.asdict(self)
        if any(not 0 <= value <= 1 for value in values.values()) or (
            self.color + self.full_color > 1
        ):
            raise InputError(
                f"probabilities of drops {values}; each must lie in [0, 1], and color and "
                "full_color together as well"
            )


USUAL_DROPS = Drops()


def drop_lines(sketch: np.ndarray, rng: np.random.Generator, drops: Drops) -> np.ndarray:
    """The sketch, or some of its lines, or none, uint8 {0, 1} [H, W, 1].

    sketch: uint8 {0, 1} [H, W, 1]; pixels that touch, diagonally too, are one line.
    """
    import cv2

    if rng.random() < drops.sketch:
        return np.zeros_like(sketch)
    if not drops.line:
        return sketch
    count, labels = cv2.connectedComponents(np.ascontiguousarray(sketch[..., 0]), connectivity=8)
    keep = (rng.random(count) >= drops.line).astype(np.uint8)
    keep[0] = 0
    return keep[np.asarray(labels, np.int32)][..., np.newaxis]


def color_strokes(
    size: int, rng: np.random.Generator, drops: Drops, brush: Brush = COLOR_BRUSH
) -> np.ndarray:
    """Where a colour is given: in random strokes, nowhere or everywhere.

    Returns uint8 {0, 1} [size, size, 1].
    """
    kind = rng.random()
    if kind < drops.color:
        return np.zeros((size, size, 1), np.uint8)
    if kind < drops.color + drops.full_color:
        return np.ones((size, size, 1), np.uint8)
    return draw_strokes(size, size, random_strokes(size, rng, brush))


def binary_noise(size: int, rng: np.random.Generator) -> np.ndarray:
    """Independent pixels that are 1 with `NOISE_PROBABILITY`, uint8 {0, 1} [size, size, 1]."""
    return (rng.random((size, size, 1), np.float32) < NOISE_PROBABILITY).astype(np.uint8)
