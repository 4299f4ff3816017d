"""Fills without learning: hand numbers, and the plate equation solved by a dense system."""

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.pictures.hole_fillers import fill_biharmonic, fill_with, mean_picture


def test_the_mean_picture_is_not_rounded():
    pictures = [np.full((2, 2, 3), value, np.uint8) for value in (255, 255, 254)]
    np.testing.assert_allclose(mean_picture(pictures), 764 / 3)
    with pytest.raises(InputError, match="no pictures given"):
        mean_picture([])


def test_only_the_hole_is_filled_and_values_are_rounded():
    image = np.full((2, 2, 3), 7, np.uint8)
    hole = np.array([[[1], [0]], [[0], [1]]], np.uint8)
    filled = fill_with(np.full((2, 2, 3), 99.6), image, hole)
    np.testing.assert_array_equal(filled[..., 0], [[100, 7], [7, 100]])
    assert filled.dtype == np.uint8


def plate(image, hole):
    """Solves the discrete biharmonic equation in a hole two pixels or more from the border."""
    stencil = {(0, 0): 20}
    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        stencil |= {(dy, dx): -8, (2 * dy, 2 * dx): 1}
    for dy in (-1, 1):
        stencil |= {(dy, -1): 2, (dy, 1): 2}
    places = [tuple(place) for place in np.argwhere(hole)]
    matrix, right = np.zeros((len(places),) * 2), np.zeros(len(places))
    for row, (y, x) in enumerate(places):
        for (dy, dx), weight in stencil.items():
            if hole[y + dy, x + dx]:
                matrix[row, places.index((y + dy, x + dx))] += weight
            else:
                right[row] -= weight * image[y + dy, x + dx]
    filled = image.copy()
    filled[tuple(np.transpose(places))] = np.linalg.solve(matrix, right)
    return filled


def test_biharmonic_fill_solves_the_plate_equation():
    rows, columns = np.mgrid[:12, :12]
    smooth = 60 + 9 * rows + 3 * columns + 12 * np.sin(rows / 3) * np.cos(columns / 4)
    image = np.repeat(np.rint(smooth).astype(np.uint8)[..., None], 3, axis=-1)
    hole = np.zeros((12, 12, 1), np.uint8)
    hole[4:8, 3:7] = 1
    hole[2, 9] = 1
    want = plate(image[..., 0].astype(float), hole[..., 0])
    spoiled = np.where(hole, 255, image).astype(np.uint8)
    for given in (image, spoiled):
        filled = fill_biharmonic(given, hole)
        np.testing.assert_allclose(filled[..., 0], want, atol=0.51)
        np.testing.assert_array_equal(filled[hole[..., 0] == 0], image[hole[..., 0] == 0])


def test_something_must_be_left():
    with pytest.raises(InputError, match="everything is erased"):
        fill_biharmonic(np.zeros((8, 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
