"""How near a picture is to the true one: PSNR and SSIM of one plane."""

import math
from typing import Any

import chex
import numpy as np

# Of the window of SSIM: as far as 3.5 standard deviations of 1.5 pixels reach.
SSIM_SIDE = 11


def psnr(image: np.ndarray, truth: np.ndarray, peak: float = 255.0) -> float:
    """Returns the peak signal-to-noise ratio in dB, 10 log10(peak^2 / mean squared error).

    Infinite for equal images. Both of one shape, values in [0, peak].
    """
    error = mean_squared_error(image, truth)
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def mean_squared_error(image: np.ndarray, truth: np.ndarray) -> float:
    """Returns the mean of the squared differences, in float64."""
    chex.assert_equal_shape([image, truth])
    return float(np.mean((image.astype(np.float64) - truth.astype(np.float64)) ** 2))


def ssim(image: np.ndarray, truth: np.ndarray, peak: float = 255.0) -> float:
    """Returns the structural similarity of two planes [H, W], at most 1.

    As published by Wang et al. (2004): 11x11 Gaussian window of sigma 1.5 at every place where it
    fits, K1 = 0.01, K2 = 0.03, population moments. Raises ValueError for planes smaller than the
    window, `SSIM_SIDE`.
    """
    return float(_similarity(image, truth, peak)[0])


def ssim_map(image: np.ndarray, truth: np.ndarray, peak: float = 255.0) -> np.ndarray:
    """Returns the structural similarity around each pixel, float64 [H, W].

    As `ssim`; windows that reach over the edge see the planes mirrored there.
    """
    return np.asarray(_similarity(image, truth, peak)[1])


def _similarity(image: np.ndarray, truth: np.ndarray, peak: float) -> Any:
    """Returns (the mean over windows inside the planes, the map)."""
    from skimage.metrics import structural_similarity

    chex.assert_equal_shape([image, truth])
    if min(image.shape) < SSIM_SIDE:
        raise ValueError(f"planes of {image.shape} are smaller than the window of {SSIM_SIDE}")
    return structural_similarity(
        image.astype(np.float64),
        truth.astype(np.float64),
        data_range=peak,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
