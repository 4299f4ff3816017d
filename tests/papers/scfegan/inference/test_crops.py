import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.inference.crops import (
    Box,
    check_box,
    cut,
    eyes_box,
    mask_box,
    paste,
    resize_known,
    shrink_colors,
    shrink_marks,
    whole_box,
)

RNG = np.random.default_rng(0)


def mask_of(shape, top, left, height, width):
    mask = np.zeros((*shape, 1), np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


@pytest.mark.parametrize(
    ("mask", "whole", "near"),
    [
        # A square picture is seen whole.
        (mask_of((40, 40), 5, 30, 4, 6), Box(0, 0, 40, 40), Box(1, 27, 12, 12)),
        # The square of a wide picture follows the mask, up to the edge.
        (mask_of((40, 100), 5, 50, 4, 6), Box(0, 33, 40, 40), Box(1, 47, 12, 12)),
        (mask_of((40, 100), 0, 96, 2, 4), Box(0, 60, 40, 40), Box(0, 90, 10, 10)),
        # No square holds this mask.
        (mask_of((40, 100), 10, 20, 5, 50), Box(0, 0, 40, 100), Box(0, 0, 40, 100)),
    ],
)
def test_boxes_by_hand(mask, whole, near):
    assert whole_box(mask) == whole
    assert mask_box(mask, 10) == near
    for box in (whole, near):
        check_box(box, mask)
    assert mask_box(mask, 1000) == whole


def test_eyes_come_to_where_they_are_in_aligned_faces():
    # An aligned face of 512 pixels, enlarged by 2 and moved by (1000, 300).
    box = eyes_box((1000 + 2 * 190, 300 + 2 * 239, 1000 + 2 * 319, 300 + 2 * 239))
    assert box == Box(300, 1000, 1024, 1024)
    assert eyes_box((190, 235, 319, 243)) == Box(0, 0, 512, 512)
    for eyes in ((319, 239, 190, 239), (1, 2, 1, 2), (float("nan"), 0, 9, 0)):
        with pytest.raises(InputError, match="eye on the left"):
            eyes_box(eyes)


def test_boxes_that_do_not_hold_the_mask():
    mask = mask_of((20, 30), 5, 6, 4, 3)
    with pytest.raises(
        InputError, match=r"from \(6, 5\) to \(9, 9\), which is not inside the crop"
    ):
        check_box(Box(0, 0, 8, 8), mask)
    with pytest.raises(InputError, match="too large for a picture of 30 x 20"):
        check_box(Box(-100, -100, 400, 400), mask)


def test_what_is_cut_and_pasted():
    image = RNG.integers(0, 256, (5, 6, 3), np.uint8)
    box = Box(-1, 3, 4, 5)
    part = cut(image, box)
    assert part.shape == (4, 5, 3)
    np.testing.assert_array_equal(part[1:, :3], image[:3, 3:])
    np.testing.assert_array_equal(part[0], part[1])
    np.testing.assert_array_equal(part[1:, 3], image[:3, 5])
    mask = mask_of((5, 6), 1, 4, 2, 1)
    new = paste(image, part + 1, mask, box)
    want = image.copy()
    want[1:3, 4] += 1
    np.testing.assert_array_equal(new, want)


@pytest.mark.parametrize(("shape", "size"), [((9, 14), 4), ((3, 5), 8), ((6, 6), 6)])
def test_marks_and_colours_by_the_pixels_below(shape, size):
    marks = (RNG.random((*shape, 1)) < 0.2).astype(np.uint8)
    color = RNG.integers(0, 256, (*shape, 3), np.uint8)
    small, colors = shrink_marks(marks, size), shrink_colors(color, marks, size)
    for i in range(size):
        for j in range(size):
            rows, columns = (
                [p for p in range(n) if p < (k + 1) * n / size and p + 1 > k * n / size]
                for k, n in zip((i, j), shape)
            )
            below = marks[np.ix_(rows, columns)][..., 0]
            assert small[i, j, 0] == below.max()
            mean = color[np.ix_(rows, columns)][below > 0].mean(axis=0) if below.any() else 0
            np.testing.assert_allclose(colors[i, j], mean, atol=0.5 + 1e-9)


@pytest.mark.parametrize("size", [8, 20, 33])
def test_what_is_erased_does_not_colour_its_surroundings(size):
    image = np.full((20, 20, 3), 100, np.uint8)
    mask = mask_of((20, 20), 6, 5, 9, 9)
    image[mask[..., 0] > 0] = RNG.integers(0, 256, (81, 3))
    small = resize_known(image, mask, size)
    known = shrink_marks(mask, size)[..., 0] == 0
    np.testing.assert_array_equal(small[known], 100)
    ramp = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 20, axis=0)
    ramp = np.repeat(ramp, 3, axis=2)
    halved = resize_known(ramp, np.zeros((20, 20, 1), np.uint8), 10)
    np.testing.assert_allclose(halved[5, 2:-2, 0], np.arange(45, 165, 20), atol=1)
