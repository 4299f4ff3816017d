"""How a high-resolution picture is made into the network's input, under names.

A decibel belongs to one of them: the article's 35.25 dB and the paper's 32.39 dB are of different
tasks. ("The article" is a reproduction of the paper in PaddlePaddle that prints its code.)
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxrepro.data.formats.resize import OPENCV_CUBIC, OPENCV_LINEAR, Interpolation, resize
from jaxrepro.data.formats.ycbcr import to_uint8


@dataclasses.dataclass(frozen=True)
class Degradation:
    """One way to lose resolution.

    Attributes:
      name: for configs and records.
      description: what is done, for people.
      shrink: (planes [..., H, W, C], scale) -> [..., H // scale, W // scale, C], the
        low-resolution picture.
      enlarge: (planes [..., H, W, C], (H', W')) -> [..., H', W', C], the input of networks that
        do not enlarge themselves.
      luma: the range of luma that the pictures are given in, "studio" or "full".
      low_rounding: how the low-resolution picture is stored, "none" or "8 bits".
      patchwise: patches are cut from the whole true picture first, and each is degraded alone, so
        that its edges count as the picture's. As in the article, the last place is left out where
        a patch would end at the edge of the picture.
      keeps_resolution: nothing is shrunk at all; networks that enlarge have no input.
    """

    name: str
    description: str
    shrink: Callable[[np.ndarray, int], np.ndarray]
    enlarge: Callable[[np.ndarray, tuple[int, int]], np.ndarray]
    luma: str = "studio"
    low_rounding: str = "none"
    patchwise: bool = False
    keeps_resolution: bool = False


def gaussian_sigma(scale: int) -> float:
    """Returns the standard deviation, in pixels, of the blur of `gauss-bicubic`.

    The paper blurs "by a Gaussian kernel" and gives no width. This one is ours: 1.6 pixels at x3,
    in proportion at other scales.
    """
    return 1.6 * scale / 3


def _smaller(planes: np.ndarray, scale: int) -> tuple[int, int]:
    return planes.shape[-3] // scale, planes.shape[-2] // scale


def _shrink_bicubic(planes: np.ndarray, scale: int) -> np.ndarray:
    return resize(planes, _smaller(planes, scale))


def _blur_and_sample(planes: np.ndarray, scale: int) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(planes, gaussian_sigma(scale), mode="reflect", axes=(-3, -2))
    # At the centre of each scale x scale cell: the middle pixel, or between the two of the middle.
    return resize(blurred, _smaller(planes, scale), OPENCV_LINEAR)


def _shrink_opencv(planes: np.ndarray, scale: int) -> np.ndarray:
    return resize(planes, _smaller(planes, scale), OPENCV_CUBIC)


def _enlarge_opencv(planes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return resize(planes, shape, OPENCV_CUBIC)


def _shrink_pillow(planes: np.ndarray, scale: int) -> np.ndarray:
    return _resize_pillow(planes, _smaller(planes, scale))


def _resize_pillow(planes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    channels = np.moveaxis(to_uint8(planes), -1, -3)
    resized = [
        np.asarray(Image.fromarray(one).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
        for one in channels.reshape(-1, *channels.shape[-2:])
    ]
    stacked = np.stack(resized).reshape(*channels.shape[:-2], *shape)
    return np.moveaxis(stacked, -3, -1).astype(planes.dtype) / 255


_BINOMIAL = (1, 4, 6, 4, 1)


def _blur_8_bits(planes: np.ndarray, scale: int) -> np.ndarray:
    """Returns the planes as OpenCV's GaussianBlur with a 5x5 kernel and sigma 0 gives them.

    For sigma 0 its formula says sigma 1.1, but at 8 bits and this size it takes the binomial kernel
    1 4 6 4 1 / 16. The border is mirrored without repeating the edge pixel.
    """
    levels = to_uint8(planes).astype(np.int32)
    height, width = levels.shape[-3:-1]
    margin = [(0, 0)] * (levels.ndim - 3) + [(2, 2), (2, 2), (0, 0)]
    padded = np.pad(levels, margin, mode="reflect")
    total = np.zeros_like(levels)
    for row, column in itertools.product(range(5), range(5)):
        weight = _BINOMIAL[row] * _BINOMIAL[column]
        total += weight * padded[..., row : row + height, column : column + width, :]
    return ((total + 128) // 256).astype(planes.dtype) / 255


def _blur_and_sample_8_bits(planes: np.ndarray, scale: int) -> np.ndarray:
    blurred = _blur_8_bits(planes, scale)
    return _resize_8_bits(blurred, _smaller(planes, scale), OPENCV_LINEAR)


def _enlarge_8_bits(planes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return _resize_8_bits(planes, shape, OPENCV_CUBIC)


def _resize_8_bits(
    planes: np.ndarray, shape: tuple[int, int], interpolation: Interpolation
) -> np.ndarray:
    resized = resize(planes.astype(np.float64), shape, interpolation)
    return to_uint8(resized).astype(planes.dtype) / 255


_ARTICLE: dict[str, Any] = {"luma": "full", "low_rounding": "8 bits", "patchwise": True}

# What the authors' code does, for training and for evaluation; nothing is rounded between.
MATLAB_BICUBIC = Degradation(
    "matlab-bicubic",
    "bicubic down and up as MATLAB's imresize",
    _shrink_bicubic,
    resize,
)
# What the paper's text says; its numbers are not of this.
GAUSS_BICUBIC = Degradation(
    "gauss-bicubic",
    "Gaussian blur (sigma 1.6 x scale / 3), sub-sampled at cell centres, bicubic up",
    _blur_and_sample,
    resize,
)
OPENCV_BICUBIC = Degradation(
    "opencv-cubic",
    "OpenCV's INTER_CUBIC down and up: no antialiasing, a = -0.75",
    _shrink_opencv,
    _enlarge_opencv,
)
PILLOW_BICUBIC = Degradation(
    "pillow-bicubic",
    "Pillow's BICUBIC on 8 bits, down and up",
    _shrink_pillow,
    _resize_pillow,
    low_rounding="8 bits",
)
# The article's code as it is printed: it resizes the blurred patch to the size it has.
ARTICLE_LITERAL = Degradation(
    "article-literal",
    "the article's printed code: each patch blurred by 5x5 and nothing else",
    _blur_8_bits,
    _enlarge_8_bits,
    keeps_resolution=True,
    **_ARTICLE,
)
# The same with the small picture that the code makes and does not use.
ARTICLE_INTENDED = Degradation(
    "article-intended",
    "the article's intention: each patch blurred by 5x5, INTER_LINEAR down, INTER_CUBIC up",
    _blur_and_sample_8_bits,
    _enlarge_8_bits,
    **_ARTICLE,
)

DEGRADATIONS = {
    one.name: one
    for one in (
        MATLAB_BICUBIC,
        GAUSS_BICUBIC,
        OPENCV_BICUBIC,
        PILLOW_BICUBIC,
        ARTICLE_LITERAL,
        ARTICLE_INTENDED,
    )
}
