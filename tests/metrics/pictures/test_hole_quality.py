"""Nearness in the hole against NumPy and SciPy, and the groups of hole sizes."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.pictures.hole_quality import HoleQuality, hole_quality, mean_by_size


def pictures():
    random = np.random.default_rng(0)
    truth = random.integers(0, 256, (20, 24, 3)).astype(np.uint8)
    noise = random.integers(-40, 41, truth.shape)
    image = np.clip(truth + noise, 0, 255).astype(np.uint8)
    hole = np.zeros((20, 24, 1), np.uint8)
    hole[2:12, 3:9] = 1
    return image, truth, hole


def test_only_erased_pixels_count():
    image, truth, hole = pictures()
    got = hole_quality(image, truth, hole)
    error = (image[2:12, 3:9].astype(float) - truth[2:12, 3:9]) / 255
    assert got.coverage == 60 / 480
    assert got.l1 == pytest.approx(np.abs(error).mean())
    assert got.psnr == pytest.approx(10 * np.log10(1 / (error**2).mean()))
    elsewhere = image.copy()
    elsewhere[15:] = 0
    changed = hole_quality(elsewhere, truth, hole)
    assert (changed.l1, changed.psnr) == (got.l1, got.psnr)


def test_similarity_is_averaged_over_the_hole():
    image, truth, hole = pictures()
    x, y = (p.astype(float) @ (0.299, 0.587, 0.114) for p in (image, truth))
    blur = lambda p: gaussian_filter(p, 1.5, truncate=3.5)  # noqa: E731
    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    want = similarity[hole[..., 0] == 1].mean()
    assert hole_quality(image, truth, hole).ssim == pytest.approx(want, rel=1e-6)


def test_equal_pictures():
    _, truth, hole = pictures()
    assert hole_quality(truth, truth, hole) == HoleQuality(60 / 480, 0, math.inf, 1)


def test_means_by_size():
    rows = [
        HoleQuality(0.1, 0.2, 20, 0.5),
        HoleQuality(0.11, 0.4, 30, 0.7),
        HoleQuality(0.25, 0.6, 10, 0.9),
        HoleQuality(1.0, 1.0, 0, 0.1),
    ]
    means = mean_by_size(rows)
    assert list(means) == ["all", "(0, 0.1]", "(0.1, 0.25]", "(0.5, 1]"]
    assert means["all"] == pytest.approx(
        {"num": 4, "coverage": 0.365, "l1": 0.55, "psnr": 15, "ssim": 0.55}
    )
    assert means["(0.1, 0.25]"] == pytest.approx(
        {"num": 2, "coverage": 0.18, "l1": 0.5, "psnr": 20, "ssim": 0.8}
    )
    assert list(mean_by_size(rows, (0, 0.5, 1))) == ["all", "(0, 0.5]", "(0.5, 1]"]


def test_refusals():
    image, truth, hole = pictures()
    with pytest.raises(InputError, match="nothing is erased"):
        hole_quality(image, truth, hole * 0)
    with pytest.raises(InputError, match="10 x 24 is too small for SSIM, which needs sides of 11"):
        hole_quality(image[:10], truth[:10], hole[:10])
    with pytest.raises(InputError, match="no pictures were measured"):
        mean_by_size([])
    row = [hole_quality(image, truth, hole)]
    for edges in ((0, 0.5), (0.1, 1), (0, 0.5, 0.5, 1), (0,)):
        with pytest.raises(InputError, match="must rise from 0 to 1"):
            mean_by_size(row, edges)
