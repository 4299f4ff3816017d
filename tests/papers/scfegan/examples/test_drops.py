import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.examples.drops import Drops, binary_noise, color_strokes, drop_lines

NOTHING = Drops(sketch=0, line=0, color=0, full_color=0)


def ten_lines():
    sketch = np.zeros((32, 40, 1), np.uint8)
    sketch[:, 2::4] = 1
    return sketch


def test_lines_are_dropped_whole_and_as_often_as_said():
    rng = np.random.default_rng(0)
    drops = Drops(sketch=0, line=0.2, color=0, full_color=0)
    kept = np.stack([drop_lines(ten_lines(), rng, drops) for _ in range(200)])
    columns = kept[..., 2::4, 0]
    assert (columns == columns[:, :1]).all()
    # The standard error of 2,000 lines is .009.
    assert 1 - columns.mean() == pytest.approx(0.2, abs=0.04)
    assert columns[:, 0].std(axis=0).min() > 0
    assert not kept[:, :, ::4].any() and kept.dtype == np.uint8


def test_the_sketch_is_dropped_as_often_as_said():
    rng = np.random.default_rng(1)
    drops = Drops(sketch=0.3, line=0, color=0, full_color=0)
    kept = [drop_lines(ten_lines(), rng, drops) for _ in range(500)]
    assert np.mean([not sketch.any() for sketch in kept]) == pytest.approx(0.3, abs=0.07)
    assert {int(sketch.sum()) for sketch in kept} == {0, 320}
    np.testing.assert_array_equal(drop_lines(ten_lines(), rng, NOTHING), ten_lines())


def test_colors_are_given_in_strokes_nowhere_or_everywhere():
    rng = np.random.default_rng(2)
    shares = np.array([color_strokes(64, rng, Drops()).mean() for _ in range(600)])
    assert (shares == 0).mean() == pytest.approx(0.15, abs=0.05)
    assert (shares == 1).mean() == pytest.approx(0.1, abs=0.05)
    strokes = shares[(shares > 0) & (shares < 1)]
    assert 0.03 < strokes.mean() < 0.25 and strokes.max() < 0.6
    assert all(0 < color_strokes(64, rng, NOTHING).mean() < 1 for _ in range(20))


def test_noise_has_the_probability_of_a_saturated_normal():
    noise = binary_noise(256, np.random.default_rng(3))
    assert noise.shape == (256, 256, 1) and noise.dtype == np.uint8 and noise.max() == 1
    # As the authors make it: standard deviation 255 into bytes, divided without remainder.
    normal = 255 * np.random.default_rng(4).standard_normal(256 * 256)
    theirs = np.clip(np.rint(normal), 0, 255).astype(np.uint8) // 255
    assert noise.mean() == pytest.approx(theirs.mean(), abs=0.006)


def test_impossible_probabilities_are_refused():
    with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
        Drops(line=1.1)
    with pytest.raises(InputError, match="together"):
        Drops(color=0.6, full_color=0.5)
