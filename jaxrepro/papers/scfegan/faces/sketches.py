"""Sketches of pictures: the lines that a person would draw.

The paper takes edges of a network (HED, see `holistic_edges`), found after equalising the picture's
contrast. Without its weights, which are not free to pass on, the lines are those of Canny on the
same equalised picture.
"""

import dataclasses

import numpy as np

from jaxrepro.core.errors import InputError

REFERENCE_SIZE = 512
_CLIP_LIMIT = 0.01


@dataclasses.dataclass(frozen=True)
class LineStyle:
    """Which edges become lines.

    Attributes:
      sigma: standard deviation in pixels, on a picture of 512 x 512, of the blur before gradients
        are taken.
      low: quantile of the gradient; pixels above it continue a line.
      high: quantile of the gradient; pixels above it begin a line.
      min_length: lines of fewer pixels than this, at 512 x 512, are dropped.
    """

    sigma: float = 3.0
    low: float = 0.8
    high: float = 0.93
    min_length: int = 40

    def __post_init__(self):
        if self.sigma <= 0 or self.min_length < 0 or not 0 <= self.low <= self.high <= 1:
            raise InputError(
                f"{self}: sigma must be positive, min_length not negative, and low and high "
                "quantiles in [0, 1], the smaller one first"
            )


PENCIL = LineStyle()
# Training meets all of them, so that a network does not depend on one style.
STYLES = (
    PENCIL,
    LineStyle(sigma=2.5),
    LineStyle(sigma=4.0),
    LineStyle(low=0.88, high=0.96, min_length=60),
)


def canny_sketch(image: np.ndarray, style: LineStyle = PENCIL) -> np.ndarray:
    """Lines of a picture, uint8 {0, 1} [H, W, 1], 1 = line, one pixel wide.

    image: uint8 [H, W, 3]. Lengths in `style` scale with the root of the picture's area.
    """
    return canny_sketches(image, (style,))[0]


def canny_sketches(image: np.ndarray, styles: tuple[LineStyle, ...]) -> list[np.ndarray]:
    """The sketch of each style, see `canny_sketch`; the picture is equalised once."""
    from skimage.feature import canny

    grey = equalized(image)
    scale = float(np.sqrt(grey.size)) / REFERENCE_SIZE
    sketches = []
    for style in styles:
        lines = canny(
            grey,
            sigma=style.sigma * scale,
            low_threshold=style.low,
            high_threshold=style.high,
            use_quantiles=True,
        )
        sketches.append(without_short_lines(lines, round(style.min_length * scale)))
    return sketches


def equalized(image: np.ndarray) -> np.ndarray:
    """The luma of a picture, its contrast equalised locally (CLAHE), float64 [H, W] in [0, 1].

    image: uint8 [H, W, 3].
    """
    from skimage.color import rgb2gray
    from skimage.exposure import equalize_adapthist

    return equalize_adapthist(rgb2gray(image), clip_limit=_CLIP_LIMIT)


def without_short_lines(lines: np.ndarray, min_length: int) -> np.ndarray:
    """The lines without connected ones of fewer than `min_length` pixels, uint8 [H, W, 1].

    lines: bool or {0, 1} [H, W]; diagonal neighbours are connected.
    """
    import cv2

    # OpenCV rather than scikit-image, whose remove_small_objects renamed its argument in 0.26.
    _, labels, measures, _ = cv2.connectedComponentsWithStats(
        lines.astype(np.uint8), connectivity=8
    )
    keep = (measures[:, cv2.CC_STAT_AREA] >= min_length).astype(np.uint8)
    keep[0] = 0
    return keep[np.asarray(labels, np.int32)][..., np.newaxis]
