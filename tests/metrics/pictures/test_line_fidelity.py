"""Matches of lines by hand and by all pairs of pixels."""

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.pictures.line_fidelity import LineCounts, chance_fidelity, line_fidelity

WHOLE = np.ones((16, 16, 1), np.uint8)


def column(*columns):
    lines = np.zeros((16, 16, 1), np.uint8)
    lines[:, list(columns)] = 1
    return lines


@pytest.mark.parametrize(("distance", "matched"), [(0, 16), (2, 16), (3, 0)])
def test_a_line_may_miss_by_the_tolerance(distance, matched):
    counts = line_fidelity([column(5 + distance)], [column(5)], [WHOLE], 2)
    assert counts == LineCounts(16, matched, 16, matched)
    assert counts.f_score == (1 if matched else 0)


def test_precision_and_recall_are_of_drawn_and_asked_lines():
    counts = line_fidelity([column(2, 8, 13)], [column(2)], [WHOLE], 1)
    assert (counts.precision, counts.recall) == (1 / 3, 1)
    assert counts.f_score == pytest.approx(0.5)
    counts = line_fidelity([column()], [column(2)], [WHOLE], 1)
    assert (counts.precision, counts.recall, counts.f_score) == (0, 0, 0)


def test_lines_count_in_the_hole_but_partners_anywhere():
    hole = np.zeros_like(WHOLE)
    hole[:4, :6] = 1
    # The drawn line is in the hole, its partner one column outside.
    counts = line_fidelity([column(5)], [column(6)], [hole], 1)
    assert counts == LineCounts(4, 4, 0, 0)


def test_matches_are_those_of_all_pairs():
    random = np.random.default_rng(1)
    lines, sketch = (random.random((2, 16, 16, 1)) < 0.05).astype(np.uint8)
    hole = (random.random((16, 16, 1)) < 0.5).astype(np.uint8)

    def matched(of, by):
        a = np.argwhere((of * hole)[..., 0])
        gaps = np.linalg.norm(a[:, None] - np.argwhere(by[..., 0])[None], axis=-1)
        return len(a), int((gaps.min(axis=1) <= 1.5).sum())

    got = line_fidelity([lines], [sketch], [hole], 1.5)
    assert got == LineCounts(*matched(lines, sketch), *matched(sketch, lines))
    assert 0 < got.drawn_matched < got.drawn


def test_chance_is_the_level_of_other_sketches():
    lines = [column(2), column(6), column(10)]
    own = line_fidelity(lines, lines, [WHOLE] * 3, 0)
    assert own.f_score == 1
    assert chance_fidelity(lines, lines, [WHOLE] * 3, 0).f_score == 0
    # Each stands against both others; the first and third also have the second one's column.
    shared = [column(2, 6), column(6), column(10, 6)]
    counts = chance_fidelity(shared, shared, [WHOLE] * 3, 0)
    assert counts == LineCounts(160, 96, 160, 96)
    assert chance_fidelity(shared, shared, [WHOLE] * 3, 0, num_others=1).drawn == 80


def test_refusals():
    with pytest.raises(InputError, match="a tolerance of -1 pixels given"):
        line_fidelity([WHOLE], [WHOLE], [WHOLE], -1)
    with pytest.raises(InputError, match="1 pictures and num_others=4 given"):
        chance_fidelity([WHOLE], [WHOLE], [WHOLE], 1)
