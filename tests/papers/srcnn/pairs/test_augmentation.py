import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.papers.srcnn.pairs.planes import AUGMENTATIONS, rescaled

PATCH = np.arange(5 * 5, dtype=np.float32).reshape(5, 5, 1)


def symmetries(patch):
    mirrored = patch[:, ::-1]
    return [np.rot90(one, turns) for one in (patch, mirrored) for turns in range(4)]


@pytest.mark.parametrize(("name", "num"), [("rotations", 4), ("symmetries", 8)])
def test_all_symmetries_are_equally_frequent_and_targets_follow(name, num):
    rng = np.random.default_rng(0)
    counts = np.zeros(8, int)
    for _ in range(800):
        item = AUGMENTATIONS[name]({"image": PATCH, "target": PATCH[1:-1, 1:-1] + 0.5}, rng)
        (which,) = (i for i, x in enumerate(symmetries(PATCH)) if np.array_equal(x, item["image"]))
        counts[which] += 1
        np.testing.assert_array_equal(item["target"], item["image"][1:-1, 1:-1] + 0.5)
    assert not counts[num:].any()
    # Within 4 standard deviations of the expected number.
    assert abs(counts[:num] - 800 / num).max() < 4 * (800 / num) ** 0.5


def test_rescaled_pictures_come_behind_the_pictures():
    pictures = open_pictures("photos:test")
    both = rescaled(pictures, (0.5,))
    assert len(both) == 2 * len(pictures)
    assert both.names[2:4] == (f"{pictures.names[1]}x1", f"{pictures.names[1]}x0.5")
    whole, half = both.read(2), both.read(3)
    np.testing.assert_array_equal(whole, pictures.read(1))
    assert half.dtype == np.uint8
    assert half.shape == (round(whole.shape[0] / 2), round(whole.shape[1] / 2), whole.shape[2])
    # The same picture: its means over coarse blocks, away from the edges, agree.
    height, width = half.shape[0] // 10 * 10, half.shape[1] // 10 * 10
    small = half[:height, :width, 0].reshape(height // 10, 10, width // 10, 10).mean((1, 3))
    large = whole[: 2 * height, : 2 * width, 0].reshape(height // 10, 20, width // 10, 20)
    assert abs(small - large.mean((1, 3))).mean() < 1
    assert rescaled(pictures, ()) is pictures


def test_a_factor_that_does_not_shrink_is_refused():
    with pytest.raises(InputError, match=r"data.rescale=\(0.9, 1.2\)"):
        rescaled(open_pictures("photos:test"), (0.9, 1.2))
