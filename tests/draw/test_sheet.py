import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.transforms import to_float
from jaxrepro.draw.sheet import MAX_COLUMNS, class_sheet, row_sheet, sheet


def flat(values, *, size=(2, 3), channels=1):
    return np.array(values, np.uint8)[:, None, None, None] * np.ones((1, *size, channels), np.uint8)


def test_places_images_row_by_row():
    picture = sheet(flat([10, 20, 30]), 2, padding=1, scale=1)
    expected = [
        [255, 255, 255, 255, 255, 255, 255, 255, 255],
        [255, 10, 10, 10, 255, 20, 20, 20, 255],
        [255, 10, 10, 10, 255, 20, 20, 20, 255],
        [255, 255, 255, 255, 255, 255, 255, 255, 255],
        [255, 30, 30, 30, 255, 255, 255, 255, 255],
        [255, 30, 30, 30, 255, 255, 255, 255, 255],
        [255, 255, 255, 255, 255, 255, 255, 255, 255],
    ]
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[..., 0], expected)


def test_scale_repeats_pixels():
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype(np.uint8)
    picture = sheet(images, 2, padding=0, scale=3)
    assert picture.shape == (9, 24, 3)
    np.testing.assert_array_equal(picture[1::3, 1::3], np.concatenate(list(images), axis=1))
    np.testing.assert_array_equal(picture[::3, ::3], picture[2::3, 2::3])


@pytest.mark.parametrize(("side", "shown"), [(16, 48), (20, 60), (48, 48), (128, 128)])
def test_small_images_are_enlarged_by_default(side, shown):
    assert sheet(flat([0], size=(side, side)), 1, padding=0).shape == (shown, shown, 1)


def test_floats_are_rounded_to_the_same_picture():
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(sheet(to_float(images), 1), sheet(images, 1))


def test_class_sheet_has_a_row_a_class():
    images = flat([50, 30, 51, 31, 52])
    picture = class_sheet(images, np.array([5, 3, 5, 3, 5]), padding=0, scale=1)
    np.testing.assert_array_equal(picture[::2, ::3, 0], [[30, 31, 255], [50, 51, 52]])


def test_class_sheet_shows_at_most_the_number_asked_for():
    images = flat([50, 30, 51, 31, 52])
    picture = class_sheet(images, np.array([5, 3, 5, 3, 5]), per_class=1, padding=0, scale=1)
    np.testing.assert_array_equal(picture[::2, ::3, 0], [[30], [50]])


def test_class_sheet_continues_long_rows():
    num = MAX_COLUMNS + 1
    labels = np.array([0] * num + [1])
    picture = class_sheet(flat(np.arange(num + 1)), labels, padding=0, scale=1)[::2, ::3, 0]
    assert picture.shape == (3, MAX_COLUMNS)
    np.testing.assert_array_equal(picture[0], np.arange(MAX_COLUMNS))
    assert picture[1, 0] == MAX_COLUMNS
    assert picture[2, 0] == num
    assert (picture[1:, 1:] == 255).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_names_stand_left_of_the_first_row_of_their_class(channels):
    num = MAX_COLUMNS + 1
    images = flat([200] * (num + 1), size=(30, 30), channels=channels)
    labels = np.array([0] * num + [2])
    bare = class_sheet(images, labels, padding=2, scale=1)
    named = class_sheet(images, labels, ("cat", "absent", "dog"), padding=2, scale=1)
    width = named.shape[1] - bare.shape[1]
    np.testing.assert_array_equal(named[:, width:], bare)
    strip = named[:96, :width, 0].reshape(3, 32, width)
    ink = (strip < 128).sum(axis=(1, 2))
    assert ink[0] > 20
    assert ink[1] == 0
    assert ink[2] > 20
    assert not np.array_equal(strip[0], strip[2])
    # Within the margins and in the middle of its row.
    rows, columns = np.nonzero(strip[0] < 128)
    assert columns.min() > 0
    assert columns.max() < width - 1
    assert rows.mean() == pytest.approx(16, abs=3)


def test_a_name_higher_than_its_row_stays_in_it():
    picture = class_sheet(flat([9, 9], size=(4, 4)), np.array([0, 1]), ("|", ""), scale=1)
    assert picture.shape[0] == 2 * (4 + 2) + 2
    strip = picture[:, :-6, 0]
    assert (strip[:6] < 255).any()
    assert (strip[6:] == 255).all()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4, 4), np.uint8), "must be"),
        (np.zeros((2, 4, 4, 2), np.uint8), "C 1 or 3"),
        (np.zeros((0, 4, 4, 1), np.uint8), "at least one"),
        (np.zeros((2, 4, 4, 1), np.int32), "type int32"),
    ],
)
def test_bad_images(images, message):
    with pytest.raises(InputError, match=message):
        sheet(images, 2)


@pytest.mark.parametrize("numbers", [{"columns": 0}, {"padding": -1}, {"scale": 0}])
def test_bad_numbers(numbers):
    with pytest.raises(InputError, match="must be 1 or more"):
        sheet(flat([1]), **{"columns": 1, **numbers})


@pytest.mark.parametrize(
    ("labels", "names", "per_class", "message"),
    [
        ([0], None, None, "one integer an image"),
        ([0.0, 1.0], None, None, "one integer an image"),
        ([0, 2], ("a", "b"), None, "name every class"),
        ([-1, 1], ("a", "b"), None, "name every class"),
        ([0, 1], None, 0, "per_class=0"),
    ],
)
def test_bad_labels(labels, names, per_class, message):
    with pytest.raises(InputError, match=message):
        class_sheet(flat([1, 2]), np.array(labels), names, per_class=per_class)


def test_rows_of_any_texts():
    images = np.random.default_rng(0).integers(0, 200, (6, 48, 48, 3), np.uint8)
    picture = row_sheet(images, ["first", ""])
    plain = sheet(images, 3)
    np.testing.assert_array_equal(picture[:, -plain.shape[1] :], plain)
    strip = picture[:, : -plain.shape[1]]
    assert (strip[:50] < 128).any() and (strip[50:] == 255).all()
    with pytest.raises(InputError, match="6 images do not fill 4 rows"):
        row_sheet(images, ["a"] * 4)


def test_a_row_may_have_several_lines_of_text():
    one, two = (row_sheet(flat([0], size=(64, 64)), [t], scale=1) for t in ("ab", "ab\nc"))
    assert one.shape == two.shape
    text = [picture[:, :-66, 0] for picture in (one, two)]
    dark_rows = [np.flatnonzero((part < 128).any(axis=1)) for part in text]
    assert np.ptp(dark_rows[1]) > 1.5 * np.ptp(dark_rows[0])
