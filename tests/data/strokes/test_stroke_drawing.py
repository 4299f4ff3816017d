import itertools

import numpy as np
import pytest
from scipy import ndimage

from jaxrepro.core.errors import InputError
from jaxrepro.data.strokes.stroke_drawing import LARGEST_COORDINATE, Stroke, draw_strokes


def covered(height, width, points, diameter):
    """Centres of pixels within half the diameter of the polyline."""
    points = np.asarray(points, float)
    y, x = np.mgrid[:height, :width] + 0.5
    result = np.zeros((height, width), bool)
    for a, b in itertools.pairwise(points):
        d = b - a
        t = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1]) / (d @ d), 0, 1)
        result |= np.hypot(x - a[0] - t * d[0], y - a[1] - t * d[1]) <= diameter / 2
    return result


@pytest.mark.parametrize("diameter", [2, 3.5, 6, 14, 40])
def test_covers_the_pixels_near_the_line(diameter):
    generator = np.random.default_rng(int(diameter))
    wrong = total = 0
    for _ in range(10):
        points = generator.uniform(-10, 100, (4, 2))
        drawn = draw_strokes(90, 120, [Stroke(points, diameter)])
        assert drawn.shape == (90, 120, 1) and drawn.dtype == np.uint8
        expected = covered(90, 120, points, diameter)
        # Rounding decides about pixels whose centre is on the edge of the stroke, no others.
        assert not (drawn[..., 0] & ~covered(90, 120, points, diameter + 2)).any()
        assert not (~drawn[..., 0].astype(bool) & covered(90, 120, points, diameter - 2)).any()
        wrong += np.sum(drawn[..., 0] != expected)
        total += expected.sum()
    assert wrong < 0.1 * total


@pytest.mark.parametrize("width", [0.3, 1])
def test_thin_lines_are_connected_and_one_pixel_wide(width):
    points = np.array([[3.5, 4.5], [60.2, 31.7], [5.1, 60.9]])
    line = draw_strokes(64, 64, [Stroke(points, width)])[..., 0]
    _, num_parts = ndimage.label(line, np.ones((3, 3)))
    assert num_parts == 1
    # A line of pixels has as many as its longer side is long, and one more.
    assert abs(int(line.sum()) - (57 + 55 + 1)) <= 2


def test_one_point_is_a_dot_in_its_pixel():
    dot = draw_strokes(5, 7, [Stroke(np.array([[3.9, 1.1]]), 1)])
    assert np.argwhere(dot[..., 0]).tolist() == [[1, 3]]
    disc = draw_strokes(40, 40, [Stroke(np.array([[20, 20]]), 20)])
    assert abs(disc.sum() - np.pi * 100) < 8
    np.testing.assert_array_equal(disc, disc[::-1])
    np.testing.assert_array_equal(disc, disc.transpose(1, 0, 2))


def test_strokes_add_up_and_may_lie_outside():
    first, second = Stroke([[2, 2], [9, 9]], 3), Stroke([[-60000, 5], [60000, 5]], 2)
    both = draw_strokes(16, 16, [first, second])
    np.testing.assert_array_equal(
        both, draw_strokes(16, 16, [first]) | draw_strokes(16, 16, [second])
    )
    assert draw_strokes(16, 16, [second]).sum() >= 32
    assert not draw_strokes(16, 16, [Stroke([[-500, -500]], 100)]).any()
    assert not draw_strokes(16, 16, []).any()


def test_scaled_strokes_cover_the_same_share():
    stroke = Stroke([[20, 30], [90, 70], [40, 100]], 12)
    small = draw_strokes(128, 128, [stroke]).mean()
    large = draw_strokes(512, 512, [stroke.scaled(4)]).mean()
    assert abs(small - large) < 0.05 * large


@pytest.mark.parametrize(
    ("points", "width", "message"),
    [
        ([[1, np.nan]], 1, "coordinate nan"),
        ([[1, 2], [np.inf, 2]], 1, "coordinate inf"),
        ([[-2.0 * LARGEST_COORDINATE, 2]], 1, "coordinate -131072.0"),
        ([[1, 2, 3]], 1, r"shape \(1, 3\)"),
        ([], 1, "shape"),
        ([["a", 2]], 1, "not pairs of numbers"),
        ([[1, 2], [3]], 1, "not pairs of numbers"),
        ([[1, 2]], 0, "width 0"),
        ([[1, 2]], np.nan, "width nan"),
        ([[1, 2]], 1e9, "width 1000000000.0"),
    ],
)
def test_refuses_what_cannot_be_drawn(points, width, message):
    with pytest.raises(InputError, match=message):
        Stroke(points, width)
