import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.nearest import nearest_images, pixel_vectors


def images(num, seed):
    return np.random.default_rng(seed).integers(0, 256, (num, 3, 4, 3), np.uint8)


def blocks(given, size):
    for first in range(0, len(given), size):
        wanted = np.arange(first, first + size)
        index = np.minimum(wanted, len(given) - 1)
        yield {"image": given[index], "index": index, "mask": wanted == index}


@pytest.mark.parametrize("size", [1, 7, 50])
def test_it_finds_what_comparing_all_finds(size):
    queries, given = images(5, 0), images(23, 1)
    difference = queries[:, None].astype(float) - given[None]
    distance = np.sqrt(np.square(difference).sum((2, 3, 4)))
    order = np.argsort(distance, axis=1)[:, :4]
    found, far = nearest_images(queries, blocks(given, size), 4)
    np.testing.assert_array_equal(found, order)
    np.testing.assert_array_equal(far, np.take_along_axis(distance, order, 1))


def test_equal_images_are_found_in_their_order():
    given = images(9, 1)
    given[[2, 4, 8]] = given[6]
    found, far = nearest_images(given[6:7], blocks(given, 4), 4)
    np.testing.assert_array_equal(found, [[2, 4, 6, 8]])
    np.testing.assert_array_equal(far, [[0, 0, 0, 0]])


def test_the_space_is_an_argument():
    given = images(9, 1)
    means = pixel_vectors(given).mean(1)
    found, far = nearest_images(
        given[:1], blocks(given, 4), 2, lambda x: pixel_vectors(x).mean(1, keepdims=True)
    )
    others = np.abs(means - means[0])
    np.testing.assert_array_equal(found, [np.argsort(others)[:2]])
    np.testing.assert_allclose(far, [np.sort(others)[:2]], atol=1e-4)


def test_numbers_out_of_range():
    given = images(3, 1)
    with pytest.raises(InputError, match="0 neighbours asked for"):
        nearest_images(given, blocks(given, 2), 0)
    with pytest.raises(InputError, match="4 neighbours asked for, of a data set of 3 images"):
        nearest_images(given, blocks(given, 2), 4)
