"""Scores of edits put together: by hand, and the order of good, poor and careless methods."""

import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.frechet import Moments, frechet_distance
from jaxrepro.papers.scfegan.measures.fidelity import (
    baseline_edits,
    comparison_table,
    edit_scores,
    feature_distance,
)
from tests.metrics.features.linear_network import LinearNetwork

SIDE = 32


def lines_of(picture):
    """Steps between neighbouring columns, as lines on their left."""
    lines = np.zeros((SIDE, SIDE, 1), np.uint8)
    grey = picture.astype(int).sum(-1)
    lines[:, :-1, 0] = np.abs(np.diff(grey, axis=1)) > 60
    return lines


def example(edge, hole_width):
    image = np.full((SIDE, SIDE, 3), 60, np.uint8)
    image[:, edge:] = 200
    mask = np.zeros((SIDE, SIDE, 1), np.uint8)
    mask[4:28, 16 - hole_width // 2 : 16 + hole_width // 2] = 1
    return {
        "image": image,
        "mask": mask,
        "sketch": lines_of(image),
        "color": image,
        "strokes": np.ones_like(mask),
    }


EXAMPLES = [example(10, 16), example(16, 16), example(22, 28)]
TRUTHS = [x["image"] for x in EXAMPLES]


def test_perfect_edits():
    scores = edit_scores(TRUTHS, EXAMPLES, lines_of).results()
    assert scores["hole_l1"] == 0 and scores["hole_psnr/0.25-0.5"] == np.inf
    assert scores["hole_psnr_exact"] == 3 and scores["hole_psnr_exact/0.25-0.5"] > 0
    assert scores["sketch_f_score"] == 1 and scores["sketch_f_score_by_chance"] == 0
    assert scores["stroke_color_difference"] == 0


def test_errors_and_colors_by_hand():
    edits = [np.where(x["mask"] != 0, x["image"] + 10, x["image"]) for x in EXAMPLES]
    scores = edit_scores([x.astype(np.uint8) for x in edits], EXAMPLES, lines_of).results()
    assert scores["hole_l1"] == pytest.approx(10 / 255)
    assert scores["hole_psnr"] == pytest.approx(20 * np.log10(25.5))
    assert 2 < scores["stroke_color_difference"] < 6
    # Coverage 0.375 twice and 0.656.
    groups = {name for name in scores if name.startswith("hole_l1")}
    assert groups == {"hole_l1", "hole_l1/0.25-0.5", "hole_l1/0.5-1"}


def test_baselines_are_blind_to_the_sketch_and_the_table_has_all_methods():
    mean_face = np.mean(TRUTHS, axis=0)
    edits = {"truth": TRUTHS, **baseline_edits(EXAMPLES, mean_face)}
    for method in ("mean face", "biharmonic"):
        for edit, given in zip(edits[method], EXAMPLES, strict=True):
            outside = given["mask"][..., 0] == 0
            np.testing.assert_array_equal(edit[outside], given["image"][outside])
            assert not np.array_equal(edit, given["image"])
    scores = {name: edit_scores(x, EXAMPLES, lines_of) for name, x in edits.items()}
    by_mean = EXAMPLES[1]["mask"][..., 0] != 0
    np.testing.assert_array_equal(
        edits["mean face"][1][by_mean], np.rint(mean_face).astype(np.uint8)[by_mean]
    )
    assert scores["biharmonic"].lines.f_score < scores["truth"].lines.f_score
    table = comparison_table(scores)
    lines = [" ".join(line.split()) for line in table.splitlines()]
    for start in ("all 3 mean face 0.", "(0.5, 1] 1 biharmonic 0.", "truth 1.000"):
        assert any(line.startswith(start) for line in lines), start


def test_where_all_is_erased_the_smooth_fill_is_the_mean_face():
    everything = EXAMPLES[0] | {"mask": np.ones((SIDE, SIDE, 1), np.uint8)}
    mean_face = np.full((SIDE, SIDE, 3), 80.0)
    for (edit,) in baseline_edits([everything], mean_face).values():
        np.testing.assert_array_equal(edit, 80)


def test_the_tolerance_is_a_share_of_the_diagonal():
    beside = [np.roll(x, 1, axis=1) for x in TRUTHS]
    diagonal = np.hypot(SIDE, SIDE)
    for pixels, score in ((0.9, 0), (1.1, 1)):
        scores = edit_scores(beside, EXAMPLES, lines_of, tolerance=pixels / diagonal)
        assert scores.lines.f_score == score


def test_no_strokes_no_color_difference():
    bare = [x | {"strokes": x["strokes"] * 0} for x in EXAMPLES]
    scores = edit_scores(TRUTHS, bare, lines_of)
    assert scores.color_difference is None
    assert "stroke_color_difference" not in scores.results()
    assert comparison_table({"truth": scores}).endswith("-\n\ntruth: no picture has an error")


def test_feature_distance_is_that_of_the_networks_features():
    random = np.random.default_rng(0)
    edits, truths = random.integers(0, 256, (2, 5, 8, 8, 3)).astype(np.uint8)
    network = LinearNetwork()
    (name, got), *others = feature_distance(network, edits, truths, batch_size=2).items()
    moments = [Moments.of(network.by_hand(x)[0]) for x in (edits, truths)]
    assert name == "frechet@5:linear-test-00000000" and not others
    assert got == pytest.approx(frechet_distance(*moments), rel=1e-4)


def test_refusals():
    with pytest.raises(InputError, match="1 edits of 3 examples"):
        edit_scores(TRUTHS[:1], EXAMPLES, lines_of)
    with pytest.raises(InputError, match="1 examples given; measure two or more"):
        edit_scores(TRUTHS[:1], EXAMPLES[:1], lines_of)
