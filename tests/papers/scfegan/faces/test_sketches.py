import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from jaxrepro.core.errors import InputError
from jaxrepro.data.transforms import resize
from jaxrepro.papers.scfegan.faces.sketches import (
    STYLES,
    LineStyle,
    canny_sketch,
    canny_sketches,
    without_short_lines,
)


def disc(size, radius=0.3):
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    inside = (np.hypot(x, y) < radius)[..., np.newaxis]
    return np.where(inside, (200, 120, 90), (20, 60, 120)).astype(np.uint8)


@pytest.mark.parametrize("size", [64, 160])
def test_a_disc_is_drawn_as_its_outline(size):
    sketch = canny_sketch(disc(size))
    assert sketch.shape == (size, size, 1) and sketch.dtype == np.uint8
    y, x = np.argwhere(sketch[..., 0]).T
    radius = np.hypot(y + 0.5 - size / 2, x + 0.5 - size / 2)
    np.testing.assert_allclose(radius, 0.3 * size, atol=1.5)
    # Closed, and one pixel wide: no more pixels than steps along a circle in rows and columns.
    angles = np.sort(np.arctan2(y - size / 2, x - size / 2))
    assert np.diff(angles).max() < 3 / (0.3 * size)
    assert len(y) <= 8 * 0.3 * size


def test_grey_and_darkness_do_not_matter():
    """The contrast is equalised: a faint disc has the outline of a strong one."""
    strong = canny_sketch(disc(96))
    faint = canny_sketch((disc(96) // 4 + 30).astype(np.uint8))
    reached = ndimage.distance_transform_edt(1 - strong[..., 0])
    assert faint.sum() > 0.8 * strong.sum()
    assert reached[faint[..., 0] > 0].max() <= 2


def test_photographs_have_a_few_long_lines():
    picture = resize(data.astronaut()[:256, 96:352], 128)
    usual, *_, sparse = canny_sketches(picture, STYLES)
    # The density was measured as .061 to .074 on faces of 128 pixels.
    assert 0.04 < usual.mean() < 0.1
    assert 0.02 < sparse.mean() < 0.75 * usual.mean()
    labels, count = ndimage.label(usual[..., 0], np.ones((3, 3)))
    assert np.bincount(labels.flat)[1:].min() >= 10 and count > 5
    np.testing.assert_array_equal(usual, canny_sketch(picture))


def test_short_lines_are_left_out_by_their_pixels():
    lines = np.zeros((12, 12), bool)
    lines[1, 1:5] = True
    lines[np.arange(5, 10), np.arange(5, 10)] = True
    np.testing.assert_array_equal(without_short_lines(lines, 4)[..., 0], lines)
    kept = without_short_lines(lines, 5)[..., 0]
    assert kept.sum() == 5 and kept[7, 7]
    assert not without_short_lines(lines, 6).any()
    assert not without_short_lines(np.zeros((3, 3), bool), 0).any()


@pytest.mark.parametrize("change", [{"sigma": 0}, {"low": 0.95}, {"high": 1.1}, {"min_length": -1}])
def test_impossible_styles_are_refused(change):
    with pytest.raises(InputError, match="sigma must be positive"):
        LineStyle(**change)
