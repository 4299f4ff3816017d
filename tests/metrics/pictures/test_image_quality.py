import math

import numpy as np
import pytest
from scipy.signal import convolve2d

from jaxrepro.metrics.pictures.image_quality import mean_squared_error, psnr, ssim

GENERATOR = np.random.default_rng(0)


def test_psnr_by_hand():
    truth = np.zeros((4, 5), np.uint8)
    # 10 log10(255^2 / 1) = 48.1308, and 20 dB less for ten times the difference.
    assert psnr(truth + np.uint8(1), truth) == pytest.approx(48.13080, abs=1e-5)
    assert psnr(truth + np.uint8(10), truth) == pytest.approx(28.13080, abs=1e-5)
    assert psnr(truth + 0.1, truth.astype(float), peak=1.0) == pytest.approx(20)
    assert psnr(truth, truth) == math.inf


def test_unsigned_bytes_do_not_wrap():
    assert mean_squared_error(np.array([[1]], np.uint8), np.array([[3]], np.uint8)) == 4


def test_shapes_must_agree():
    with pytest.raises(AssertionError):
        psnr(np.zeros((1, 3)), np.zeros((3, 3)))


def published_ssim(x, y):
    """The formula of Wang et al. (2004), with windows that fit into the picture."""
    places = np.arange(-5, 6)
    line = np.exp(-(places**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2

    def mean(z):
        return convolve2d(z, window, mode="valid")

    x, y = x.astype(float), y.astype(float)
    mean_x, mean_y = mean(x), mean(y)
    var_x, var_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return np.mean(luminance * (2 * covariance + c2) / (var_x + var_y + c2))


def test_ssim_is_the_published_formula():
    truth = GENERATOR.integers(0, 256, (17, 23), dtype=np.uint8)
    noise = GENERATOR.integers(-20, 21, truth.shape)
    image = np.clip(truth + noise, 0, 255).astype(np.uint8)
    assert ssim(image, truth) == pytest.approx(published_ssim(image, truth), abs=1e-9)
    assert 0.9 < ssim(image, truth) < 1
    assert ssim(truth, truth) == pytest.approx(1)
    assert ssim(255 - truth, truth) < 0


def test_ssim_needs_a_window():
    with pytest.raises(ValueError, match=r"planes of \(10, 30\) are smaller than the window of 11"):
        ssim(np.zeros((10, 30)), np.zeros((10, 30)))
