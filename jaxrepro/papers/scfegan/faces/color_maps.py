"""Colour maps of pictures: what a few strokes of paint would say of their colours.

The paper filters the picture (median, then bilateral several times), parses the face into its parts
and gives each part its median colour. How often and how strongly it filters is not published; the
numbers here are ours.
"""

import dataclasses

import numpy as np

from jaxrepro.core.errors import InputError

# Superpixels of larger pictures take seconds and look the same.
_LARGEST_SEGMENTED = 256


@dataclasses.dataclass(frozen=True)
class ColorStyle:
    """How a colour map is made.

    Attributes:
      median_size: side of the median filter in pixels.
      num_bilateral: how often the bilateral filter is applied, at half the picture's size.
      bilateral_diameter: of its window in pixels.
      sigma_color: its standard deviation in colours of 0..255.
      sigma_space: its standard deviation in pixels.
      num_segments: superpixels, about, where no parts are given.
      compactness: of superpixels: larger ones are squarer.
    """

    median_size: int = 3
    num_bilateral: int = 5
    bilateral_diameter: int = 9
    sigma_color: float = 40.0
    sigma_space: float = 9.0
    num_segments: int = 60
    compactness: float = 8.0

    def __post_init__(self):
        if self.median_size not in (1, 3, 5) or self.num_bilateral < 0 or self.num_segments < 1:
            raise InputError(
                f"{self}: median_size must be 1, 3 or 5, num_bilateral not negative and "
                "num_segments positive"
            )


PAINT = ColorStyle()


def smoothed(image: np.ndarray, style: ColorStyle = PAINT) -> np.ndarray:
    """The picture without texture, its edges kept, uint8 [H, W, 3].

    image: uint8 [H, W, 3].
    """
    import cv2

    height, width = image.shape[:2]
    # OpenCV wants its own copy of mirrored views.
    result = cv2.medianBlur(np.ascontiguousarray(image), style.median_size)
    half = (max(1, width // 2), max(1, height // 2))
    result = cv2.resize(result, half, interpolation=cv2.INTER_AREA)
    for _ in range(style.num_bilateral):
        result = cv2.bilateralFilter(
            result, style.bilateral_diameter, style.sigma_color, style.sigma_space
        )
    return cv2.resize(result, (width, height), interpolation=cv2.INTER_LINEAR)


def superpixels(image: np.ndarray, style: ColorStyle = PAINT) -> np.ndarray:
    """Numbers of connected parts of like colour, int32 [H, W], from 0 (SLIC).

    image: uint8 [H, W, 3], best `smoothed`; a side over 256 is reduced to that for the search.
    """
    import cv2
    from skimage.segmentation import slic

    height, width = image.shape[:2]
    scale = min(1.0, _LARGEST_SEGMENTED / max(height, width))
    if scale < 1:
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    parts = slic(
        image, n_segments=style.num_segments, compactness=style.compactness, start_label=0
    ).astype(np.int32)
    return cv2.resize(parts, (width, height), interpolation=cv2.INTER_NEAREST)


def parts_of_picture(
    image: np.ndarray, labels: np.ndarray | None = None, style: ColorStyle = PAINT
) -> np.ndarray:
    """Numbers of the parts that have one colour each, int32 [H, W].

    Args:
      image: uint8 [H, W, 3], best `smoothed`.
      labels: parts of the face, uint8 [H, W], 0 = background; the background is made of
        superpixels then, and the face of the parts given. None takes superpixels everywhere.
      style: how superpixels are made.
    """
    parts = superpixels(image, style)
    if labels is None:
        return parts
    return np.where(labels > 0, parts.max() + labels.astype(np.int32), parts)


def median_colors(image: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The picture with the median of each channel in each part, uint8 [H, W, 3].

    image: uint8 [H, W, 3]. parts: int [H, W]. The lower of the two middle values of an even number.
    """
    _, parts = np.unique(parts, return_inverse=True)
    parts = parts.reshape(image.shape[:2])
    counts = np.bincount(parts.flat)
    middle = np.cumsum(counts) - counts + (counts - 1) // 2
    # One sort of numbers made of part and value finds the medians of all parts.
    medians = [
        np.sort((parts.ravel() << 8) | image[..., channel].ravel())[middle] & 255
        for channel in range(image.shape[-1])
    ]
    return np.stack(medians, axis=-1).astype(np.uint8)[parts]


def color_map(
    image: np.ndarray, labels: np.ndarray | None = None, style: ColorStyle = PAINT
) -> np.ndarray:
    """A few flat colours that stand for a picture, uint8 [H, W, 3].

    image: uint8 [H, W, 3]. labels: see `parts_of_picture`.
    """
    soft = smoothed(image, style)
    return median_colors(soft, parts_of_picture(soft, labels, style))
