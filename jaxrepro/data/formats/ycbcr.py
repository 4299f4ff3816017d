"""Luma and chroma, in the two ranges that are in use.

ITU-R BT.601 with its studio range (luma in 16..235, chroma in 16..240) is what MATLAB's
`rgb2ycbcr` computes and published super-resolution results are measured on. JPEG, Pillow and OpenCV
use the full range 0..255, on which every PSNR is 20 log10(255 / 219) = 1.32 dB lower.
"""

from typing import Any

import numpy as np

_FROM_RGB = (
    np.array(
        [
            [65.481, 128.553, 24.966],
            [-37.797, -74.203, 112.0],
            [112.0, -93.786, -18.214],
        ]
    )
    / 255
)
_OFFSET = np.array([16.0, 128.0, 128.0]) / 255
_TO_RGB = np.linalg.inv(_FROM_RGB)
# Shares of R, G and B in luma.
LUMA_WEIGHTS = _FROM_RGB[0] / _FROM_RGB[0].sum()
# 0.299, 0.587 and 0.114 in 16384ths.
_FULL_RANGE = np.array([4899, 9617, 1868])


def rgb_to_ycbcr(rgb: Any) -> Any:
    """Returns Y, Cb, Cr [..., 3] in studio range of `rgb` [..., 3].

    uint8 in numpy gives uint8, rounded as MATLAB rounds; floating numbers in [0, 1], numpy or JAX,
    give such numbers, Y in [16, 235] / 255.
    """
    if rgb.dtype == np.uint8:
        return to_uint8(rgb_to_ycbcr(rgb.astype(np.float64) / 255))
    matrix = _FROM_RGB.astype(rgb.dtype)
    return rgb @ matrix.T + _OFFSET.astype(rgb.dtype)


def ycbcr_to_rgb(ycbcr: Any) -> Any:
    """Returns R, G, B [..., 3] of studio-range `ycbcr` [..., 3]; the inverse of `rgb_to_ycbcr`.

    uint8 in numpy gives uint8, rounded and clipped. Floating numbers are not clipped: those outside
    of the cube of colours lie outside of [0, 1].
    """
    if ycbcr.dtype == np.uint8:
        return to_uint8(ycbcr_to_rgb(ycbcr.astype(np.float64) / 255))
    return (ycbcr - _OFFSET.astype(ycbcr.dtype)) @ _TO_RGB.astype(ycbcr.dtype).T


def full_range_luma(rgb: np.ndarray) -> np.ndarray:
    """Returns luma uint8 [..., 1] in 0..255 of `rgb` uint8 [..., 3].

    To the last bit that of OpenCV, which computes in 14-bit fixed point.
    """
    return ((rgb.astype(np.int64) @ _FULL_RANGE[:, None] + 8192) >> 14).astype(np.uint8)


def to_uint8(x: np.ndarray) -> np.ndarray:
    """Returns `x` in [0, 1] as uint8: times 255, half rounds up, values outside are clipped."""
    return np.floor(np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)
