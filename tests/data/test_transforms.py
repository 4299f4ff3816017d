import pickle

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data import transforms

RNG = np.random.default_rng(0)


def picture(height, width, channels=3):
    return RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)


def coverage(length, size):
    """[size, length]: how much of input pixel p lies in output interval k."""
    edges = np.arange(size + 1) * length / size
    p = np.arange(length)
    low, high = edges[:-1, None], edges[1:, None]
    return np.clip(np.minimum(high, p + 1) - np.maximum(low, p), 0, None)


@pytest.mark.parametrize(
    ("height", "width", "size"), [(8, 8, 4), (9, 9, 4), (37, 29, 7), (50, 31, 31), (5, 5, 5)]
)
def test_area_resize_is_the_mean_over_covered_pixels(height, width, size):
    image = picture(height, width)
    rows, columns = coverage(height, size), coverage(width, size)
    sums = np.einsum("ih,jw,hwc->ijc", rows, columns, image.astype(np.float64))
    means = sums / (height / size * width / size)
    got = transforms.area_resize(image, size)
    assert got.dtype == np.uint8
    assert np.abs(got - means).max() <= 0.5 + 1e-9


def test_area_resize_rounds_half_up():
    image = np.array([[0, 1], [0, 1]], np.uint8)[..., None]
    assert transforms.area_resize(image, 1).item() == 1
    image = np.array([[0, 1], [0, 0]], np.uint8)[..., None]
    assert transforms.area_resize(image, 1).item() == 0


def test_area_resize_keeps_constant_images():
    for level in (0, 1, 254, 255):
        image = np.full((23, 23, 1), level, np.uint8)
        assert (transforms.area_resize(image, 9) == level).all()


def test_area_resize_does_not_enlarge():
    with pytest.raises(InputError, match="4x9"):
        transforms.area_resize(picture(4, 9), 5)


def test_resize_enlarges_smoothly_and_refuses_rectangles():
    ramp = np.broadcast_to(np.arange(0, 256, 32, dtype=np.uint8)[None, :, None], (8, 8, 1))
    enlarged = transforms.resize(ramp, 16)
    assert enlarged.shape == (16, 16, 1)
    assert (np.diff(enlarged[8, 2:-2, 0].astype(int)) >= 0).all()
    assert abs(enlarged.mean() - ramp.mean()) < 1
    with pytest.raises(InputError, match="not square"):
        transforms.resize(picture(8, 9), 16)


@pytest.mark.parametrize(("height", "width"), [(4, 7), (7, 4), (5, 5)])
def test_center_square_takes_the_middle(height, width):
    image = picture(height, width)
    square = transforms.center_square(image)
    top, left = max(height - width, 0) // 2, max(width - height, 0) // 2
    np.testing.assert_array_equal(square[0, 0], image[top, left])
    assert square.shape == (min(height, width),) * 2 + (3,)


def test_random_crop_reaches_every_place():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    rng = np.random.default_rng(0)
    corners = {transforms.random_crop(image, 2, rng)[0, 0, 0].item() for _ in range(200)}
    assert corners == {0, 1, 2, 4, 5, 6}
    assert transforms.random_crop(image, 3, rng).shape == (3, 3, 1)
    with pytest.raises(InputError, match="too small"):
        transforms.random_crop(image, 4, rng)


@pytest.mark.parametrize("border", ["reflect", "black"])
def test_random_shift_reaches_every_place(border):
    image = picture(4, 5)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode=transforms.BORDERS[border])
    places = {(y, x): padded[y : y + 4, x : x + 5].tobytes() for y in range(5) for x in range(5)}
    assert len(set(places.values())) == 25
    assert places[2, 2] == image.tobytes()
    rng = np.random.default_rng(0)
    found = {transforms.random_shift(image, 2, rng, border).tobytes() for _ in range(300)}
    assert found == set(places.values())


def test_random_shift_refuses_borders():
    rng = np.random.default_rng(0)
    for pad, border in ((4, "reflect"), (-1, "reflect"), (1, "white")):
        with pytest.raises(InputError, match="allowed: reflect, black, of fewer pixels"):
            transforms.random_shift(picture(4, 5), pad, rng, border)


def test_random_square_covers_the_stated_fraction():
    image = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (200, 200, 1))
    rng = np.random.default_rng(0)
    spans = []
    for _ in range(100):
        row = transforms.random_square(image, 10, rng, min_fraction=0.5)[0, :, 0].astype(int)
        spans.append((row[-1] - row[0]) / 9 * 10 / 200)
    assert 0.48 < min(spans) < 0.6
    assert 0.9 < max(spans) < 1.02
    with pytest.raises(InputError, match="min_fraction"):
        transforms.random_square(image, 10, rng, min_fraction=0)


def test_random_flip_mirrors_half_of_the_time():
    image = picture(2, 3)
    rng = np.random.default_rng(0)
    flipped = [(transforms.random_flip(image, rng) == image[:, ::-1]).all() for _ in range(400)]
    assert 160 < sum(flipped) < 240


def test_all_levels_survive_the_round_trip():
    levels = np.arange(256, dtype=np.uint8)
    floats = transforms.to_float(levels)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (-1, 1)
    np.testing.assert_array_equal(transforms.to_uint8(floats), levels)


def test_to_uint8_rounds_and_clips():
    x = np.array([-7, -1, 0.99 / 127.5 - 1, 0, 1, 7], np.float32)
    assert transforms.to_uint8(x).tolist() == [0, 0, 1, 128, 255, 255]


def test_channels():
    grey = picture(2, 2, 1)
    np.testing.assert_array_equal(transforms.to_channels(grey, 3), np.repeat(grey, 3, -1))
    white = np.full((1, 1, 3), 255, np.uint8)
    assert transforms.to_channels(white, 1).tolist() == [[[255]]]
    with pytest.raises(InputError, match="2 channels"):
        transforms.to_channels(picture(2, 2, 2), 3)


def test_ready_made_transforms_give_the_size_and_can_be_pickled():
    item = {"image": picture(40, 30), "label": np.int32(3)}
    before = item["image"].copy()
    square = pickle.loads(pickle.dumps(transforms.square_transform(16, channels=1, flip=True)))
    crop = pickle.loads(
        pickle.dumps(transforms.crop_transform(16, channels=1, min_fraction=0.5, flip=True))
    )
    shift = pickle.loads(pickle.dumps(transforms.shift_transform(16, channels=1, pad=2, flip=True)))
    for transform in (square, crop, shift):
        got = transform.augment(transform.prepare(item), np.random.default_rng(0))
        assert got["image"].shape == (16, 16, 1)
        assert got["label"] == 3
    np.testing.assert_array_equal(item["image"], before)
    assert transforms.square_transform(16, channels=1).augment is None
