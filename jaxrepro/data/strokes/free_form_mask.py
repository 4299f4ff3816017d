"""Free-form masks: regions that are erased with a brush, as a person would (SC-FEGAN, Algorithm 1).

The algorithm is the paper's as it is described at second hand; its parameters were not published.
Those here are ours. They are given for pictures of 512 pixels and scale with the picture.
"""

import dataclasses
import functools

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.strokes.stroke_drawing import Stroke, draw_strokes

REFERENCE_SIZE = 512
# Pupils, (x, y) on a picture of 512 pixels that is aligned as CelebA-HQ and FFHQ are.
ALIGNED_EYES = ((190.0, 239.0), (319.0, 239.0))


@dataclasses.dataclass(frozen=True)
class Brush:
    """How random strokes look, on a picture of 512 x 512 pixels.

    Attributes:
      max_strokes: the number of strokes is uniform in 1..max_strokes.
      max_segments: straight parts of a stroke, uniform in 1..max_segments.
      max_angle: degrees by which a part may turn from the line to and fro that its stroke follows.
      max_length: pixels; the length of a part is uniform in [0, max_length].
      widths: pixels; the width of a stroke is uniform between the two.
    """

    max_strokes: int = 10
    max_segments: int = 12
    max_angle: float = 90.0
    max_length: float = 140.0
    widths: tuple[float, float] = (16.0, 56.0)

    def __post_init__(self):
        if min(self.max_strokes, self.max_segments) < 1:
            raise InputError(f"{self}: strokes and segments must be at least 1")
        if self.max_angle < 0 or self.max_length <= 0:
            raise InputError(f"{self}: max_angle must not be negative, max_length positive")
        if not 0 < self.widths[0] <= self.widths[1]:
            raise InputError(f"{self}: widths must be positive, the smaller one first")


ERASER = Brush()
COLOR_BRUSH = Brush(max_strokes=12, widths=(4.0, 24.0))


@dataclasses.dataclass(frozen=True)
class MaskMix:
    """How often each kind of mask is drawn; the rest are free-form strokes alone.

    Attributes:
      region: free-form strokes and all of a region of the face, hair or face.
      rectangle: a rectangle of half the picture's sides.
      everything: the whole picture.
      eye: with this probability a free-form mask has one more stroke, which begins at an eye.
      hair: with this probability a free-form mask has the hair as well.
    """

    region: float = 0.15
    rectangle: float = 0.1
    everything: float = 0.05
    eye: float = 0.5
    hair: float = 0.25

    def __post_init__(self):
        values = dataclasses.asdict(self)
        wrong = {name: value for name, value in values.items() if not 0 <= value <= 1}
        if wrong or self.region + self.rectangle + self.everything > 1:
            raise InputError(
                f"probabilities of masks {wrong or values}; each must lie in [0, 1], and region, "
                "rectangle and everything together as well"
            )


USUAL_MASKS = MaskMix()


def random_strokes(size: int, rng: np.random.Generator, brush: Brush = ERASER) -> list[Stroke]:
    """Random strokes on a picture of size x size pixels, 1 to `brush.max_strokes` of them."""
    count = rng.integers(1, brush.max_strokes, endpoint=True)
    return [random_stroke(rng.uniform(0, size, 2), size, rng, brush) for _ in range(count)]


def random_stroke(
    start: np.ndarray, size: int, rng: np.random.Generator, brush: Brush = ERASER
) -> Stroke:
    """A random stroke from `start`, (x, y) in pixels of a picture of size x size.

    Its parts go to and fro: a random direction, its opposite, and so on, each turned by up to
    `brush.max_angle` and of random length.
    """
    scale = size / REFERENCE_SIZE
    count = rng.integers(1, brush.max_segments, endpoint=True)
    direction = rng.uniform(0, 360)
    turns = rng.uniform(-brush.max_angle, brush.max_angle, count)
    angles = np.deg2rad(direction + turns + 180 * (np.arange(count) % 2))
    lengths = rng.uniform(0, brush.max_length * scale, count)
    steps = lengths[:, np.newaxis] * np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    points = np.concatenate([[start], start + np.cumsum(steps, axis=0)])
    return Stroke(points, rng.uniform(*brush.widths) * scale)


def free_form_mask(
    size: int,
    rng: np.random.Generator,
    *,
    brush: Brush = ERASER,
    eyes: np.ndarray | None = None,
    eye: float = 0.5,
) -> np.ndarray:
    """Random strokes as a mask, uint8 {0, 1} [size, size, 1], 1 = erased.

    Args:
      size: side of the picture in pixels.
      rng: where the randomness comes from.
      brush: what the strokes look like.
      eyes: (x, y) in pixels, [E, 2]; None where nothing is known of eyes.
      eye: probability of one more stroke, which begins at one of the eyes.
    """
    strokes = random_strokes(size, rng, brush)
    if eyes is not None and rng.random() < eye:
        strokes.append(random_stroke(eyes[rng.integers(len(eyes))], size, rng, brush))
    return draw_strokes(size, size, strokes)


def rectangle_mask(size: int, rng: np.random.Generator) -> np.ndarray:
    """A randomly placed square of half the side, uint8 {0, 1} [size, size, 1]."""
    side = size // 2
    top, left = rng.integers(0, size - side, 2, endpoint=True)
    mask = np.zeros((size, size, 1), np.uint8)
    mask[top : top + side, left : left + side] = 1
    return mask


def mixed_mask(
    size: int,
    rng: np.random.Generator,
    mix: MaskMix,
    *,
    brush: Brush = ERASER,
    eyes: np.ndarray | None = None,
    hair: np.ndarray | None = None,
    face: np.ndarray | None = None,
) -> np.ndarray:
    """A mask of one of the kinds of `mix`, uint8 {0, 1} [size, size, 1], 1 = erased.

    Args:
      size: side of the picture in pixels.
      rng: where the randomness comes from.
      mix: how often each kind is drawn.
      brush: what the strokes look like.
      eyes: (x, y) in pixels, [E, 2]; None where nothing is known of eyes.
      hair: uint8 {0, 1} [size, size, 1]; None, or nothing but 0, where there is no hair.
      face: the same for the face. Without any region, `mix.region` gives free-form strokes alone.
    """
    kind = rng.random()
    if kind < mix.everything:
        return np.ones((size, size, 1), np.uint8)
    kind -= mix.everything
    if kind < mix.rectangle:
        return rectangle_mask(size, rng)
    kind -= mix.rectangle
    mask = free_form_mask(size, rng, brush=brush, eyes=eyes, eye=mix.eye)
    if kind < mix.region:
        regions = [region for region in (hair, face) if region is not None and region.any()]
        if regions:
            mask |= regions[rng.integers(len(regions))]
    elif hair is not None and rng.random() < mix.hair:
        mask |= hair
    return mask


@functools.cache
def aligned_eyes(size: int, *, flipped: bool = False) -> np.ndarray:
    """Pupils of an aligned face, (x, y) in pixels of a picture of size x size, float64 [2, 2]."""
    eyes = np.array(ALIGNED_EYES) * (size / REFERENCE_SIZE)
    if flipped:
        eyes[:, 0] = size - eyes[:, 0]
    eyes.setflags(write=False)
    return eyes
