import dataclasses

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.strokes.free_form_mask import (
    COLOR_BRUSH,
    Brush,
    MaskMix,
    aligned_eyes,
    free_form_mask,
    mixed_mask,
    random_stroke,
    random_strokes,
    rectangle_mask,
)

NOTHING_ELSE = MaskMix(region=0, rectangle=0, everything=0, eye=0, hair=0)


def coverages(size, count, draw):
    rng = np.random.default_rng(0)
    return np.array([draw(size, rng).mean() for _ in range(count)])


@pytest.mark.parametrize("size", [512, 128])
def test_coverage_is_what_was_measured_at_512_pixels(size):
    values = coverages(size, 300, lambda s, rng: free_form_mask(s, rng, eyes=aligned_eyes(s)))
    # Standard errors of 300 draws are .006 (mean) to .012.
    assert values.mean() == pytest.approx(0.21, abs=0.02)
    low, middle, high = np.percentile(values, [10, 50, 90])
    assert low == pytest.approx(0.07, abs=0.025)
    assert middle == pytest.approx(0.20, abs=0.03)
    assert high == pytest.approx(0.35, abs=0.035)
    assert values.min() > 0


def test_strokes_keep_to_the_brush():
    rng = np.random.default_rng(1)
    drawn = [random_strokes(256, rng, COLOR_BRUSH) for _ in range(200)]
    assert {len(strokes) for strokes in drawn} == set(range(1, 13))
    strokes = [stroke for strokes in drawn for stroke in strokes]
    assert {len(stroke.points) - 1 for stroke in strokes} == set(range(1, 13))
    widths = [stroke.width for stroke in strokes]
    assert 2 <= min(widths) < 2.3 and 11.7 < max(widths) <= 12
    steps = np.concatenate([np.diff(stroke.points, axis=0) for stroke in strokes])
    assert 69 < np.hypot(*steps.T).max() <= 70
    starts = np.array([stroke.points[0] for stroke in strokes])
    assert starts.min() >= 0 and starts.max() <= 256


def test_parts_go_to_and_fro_within_the_angle():
    brush = Brush(max_angle=20, max_segments=12)
    rng = np.random.default_rng(2)
    for _ in range(50):
        stroke = random_stroke(np.array([5.0, 6.0]), 512, rng, brush)
        np.testing.assert_array_equal(stroke.points[0], [5, 6])
        steps = np.diff(stroke.points, axis=0)
        directions = steps / np.linalg.norm(steps, axis=1, keepdims=True)
        turned = directions * (-1.0) ** np.arange(len(steps))[:, None]
        # All within 20 degrees of one line, so within 40 of each other.
        assert (turned @ turned.T).min() >= np.cos(np.deg2rad(40)) - 1e-9


def test_eye_stroke_erases_an_eye():
    rng = np.random.default_rng(3)
    eyes = aligned_eyes(128)
    columns, rows = eyes.astype(int).T
    hits = []
    for _ in range(40):
        mask = free_form_mask(128, rng, eyes=eyes, eye=1.0)
        hits.append(mask[rows, columns, 0])
    hits = np.array(hits)
    assert hits.any(axis=1).all() and hits.mean(axis=0).min() > 0.3
    without = free_form_mask(128, np.random.default_rng(4), eyes=eyes, eye=0.0)
    # The draw of the decision is the same, so that only the stroke differs.
    again = free_form_mask(128, np.random.default_rng(4), eyes=eyes, eye=1.0)
    assert not (without & ~again).any() and again.sum() > without.sum()


def test_flipped_eyes_are_the_mirrored_ones():
    eyes, flipped = aligned_eyes(128), aligned_eyes(128, flipped=True)
    np.testing.assert_allclose(eyes, [[47.5, 59.75], [79.75, 59.75]])
    np.testing.assert_allclose(flipped, [[80.5, 59.75], [48.25, 59.75]])


def test_rectangles_have_half_the_side_and_reach_everywhere():
    rng = np.random.default_rng(5)
    masks = np.stack([rectangle_mask(10, rng) for _ in range(300)])
    assert (masks.sum(axis=(1, 2, 3)) == 25).all()
    assert masks.any(axis=0).all() and masks.dtype == np.uint8


def test_kinds_come_as_often_as_the_mix_says():
    hair, face = np.zeros((2, 64, 64, 1), np.uint8)
    hair[:8], face[30:50, 20:40] = 1, 1
    mix = MaskMix(region=0.3, rectangle=0.2, everything=0.1, hair=0.4)
    rng = np.random.default_rng(6)
    thin = Brush(max_strokes=1, max_segments=1, max_length=20, widths=(1, 2))
    masks = [mixed_mask(64, rng, mix, brush=thin, hair=hair, face=face) for _ in range(1500)]
    everything = np.mean([mask.all() for mask in masks])
    rectangle = np.mean([mask.sum() == 32 * 32 for mask in masks])
    with_hair = np.mean([mask[hair > 0].all() and not mask.all() for mask in masks])
    with_face = np.mean([mask[face > 0].all() and mask.sum() < 1000 for mask in masks])
    # Standard errors are up to .012.
    assert everything == pytest.approx(0.1, abs=0.03)
    assert rectangle == pytest.approx(0.2, abs=0.04)
    assert with_hair == pytest.approx(0.15 + 0.4 * 0.4, abs=0.04)
    assert with_face == pytest.approx(0.15, abs=0.035)


def test_regions_that_are_not_there_leave_strokes_alone():
    always = dataclasses.replace(NOTHING_ELSE, region=1.0)
    nothing = np.zeros((64, 64, 1), np.uint8)
    for hair in (None, nothing):
        mask = mixed_mask(64, np.random.default_rng(7), always, hair=hair, face=nothing)
        assert 0 < mask.mean() < 0.7


def test_masks_are_a_function_of_the_generator():
    draw = [mixed_mask(64, np.random.default_rng(seed), MaskMix()) for seed in (8, 8, 9)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert (draw[0] != draw[2]).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Brush(max_strokes=0), "at least 1"),
        (lambda: Brush(widths=(5, 4)), "the smaller one first"),
        (lambda: Brush(max_length=0), "max_length positive"),
        (lambda: MaskMix(eye=1.5), "eye"),
        (lambda: MaskMix(region=0.6, rectangle=0.5), "together"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
