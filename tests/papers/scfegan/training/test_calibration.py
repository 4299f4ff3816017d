"""Sizes of terms and the scales that follow from them, by hand."""

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.training.calibration import (
    magnitude_table,
    suggested_scales,
    term_magnitudes,
)
from jaxrepro.papers.scfegan.training.objective import Objective

UPDATES = [
    {"pixel": 1.0, "perceptual": 0.1, "style_raw": 3.0, "style_composed": 1.0, "adversarial": -2.0},
    {"pixel": 3.0, "perceptual": 0.3, "style_raw": 5.0, "style_composed": 1.0, "adversarial": 1.0},
]


def test_magnitudes_are_means_of_absolute_values():
    sizes = term_magnitudes(UPDATES)
    assert sizes == pytest.approx(
        {"pixel": 2, "perceptual": 0.2, "style_raw": 4, "style_composed": 1, "adversarial": 1.5}
    )


def test_scales_make_the_terms_as_large_as_that_of_pixels():
    objective = Objective(percept_scale=0.5, style_scale=2.0)
    scales = suggested_scales(objective, term_magnitudes(UPDATES))
    # 0.5 * 2 / 0.2 and 2 * 2 / (4 + 1).
    assert scales == pytest.approx({"percept_scale": 5, "style_scale": 0.8})
    assert suggested_scales(Objective(style=0.0), {"pixel": 1, "perceptual": 4}) == {
        "percept_scale": 0.25
    }


def test_the_table_names_the_features_and_sorts_by_size():
    lines = magnitude_table({"pixel": 1.0, "style_raw": 3.0}, "random-vgg16(seed=0)").split("\n")
    assert lines[0].endswith("features=random-vgg16(seed=0)")
    assert lines[1].split() == ["style_raw", "3", "75.0%"]
    assert lines[2].split() == ["pixel", "1", "25.0%"]


def test_refusals():
    for updates, words in (
        ([], "no updates given"),
        ([{"pixel": 1.0}, {"style_raw": 1.0}], "different terms"),
        ([{"pixel": float("nan")}], "terms are not finite: pixel"),
    ):
        with pytest.raises(InputError, match=words):
            term_magnitudes(updates)
    with pytest.raises(InputError, match="a scale cannot be found where one is 0"):
        suggested_scales(Objective(), {"pixel": 1.0, "perceptual": 0.0})
