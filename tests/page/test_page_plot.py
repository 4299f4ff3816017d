"""Plots: which points stay, what is averaged, and that nothing reaches outside its SVG."""

from xml.etree import ElementTree

import numpy as np
import pytest

from jaxrepro.page import curves, numbers, plot


def test_thinned_line_keeps_ends_extremes_and_gaps():
    steps = np.arange(5000)
    values = np.sin(steps / 50.0)
    values[1234], values[4321], values[2500] = 40.0, -50.0, np.nan
    kept_steps, kept = plot.thinned_line(steps, values, 300)
    assert len(kept) <= 300
    assert (kept_steps[0], kept_steps[-1]) == (0, 4999)
    assert (np.diff(kept_steps) > 0).all()
    assert np.nanmax(kept) == 40.0
    assert np.nanmin(kept) == -50.0
    assert 2500 in kept_steps[np.isnan(kept)]
    np.testing.assert_array_equal(kept, values[kept_steps])


def test_thinned_line_of_gaps_only():
    steps, values = plot.thinned_line(np.arange(1000), np.full(1000, np.nan), 50)
    assert len(steps) <= 50
    assert np.isnan(values).all()


def test_moving_average_by_hand():
    values = np.array([1.0, 2.0, 6.0, np.nan, 4.0])
    np.testing.assert_allclose(
        plot.moving_average(values), [1.5, 3.0, 4.0, np.nan, 4.0], equal_nan=True
    )


def test_svg_is_repeatable_and_bound_to_its_identifier():
    line = plot.Line(np.arange(5), np.array([1.0, np.nan, -3.0, np.inf, 2.0]), 0, markers=True)
    one, again, other = (
        plot.draw([line], identifier=name, label="a < b", log_y=True) for name in "aab"
    )
    assert one == again
    assert "var(--c0)" in one
    assert "#0f0" not in one
    assert "font-family" not in one
    ids = [
        {e.attrib["id"] for e in ElementTree.fromstring(svg).iter() if "id" in e.attrib}
        for svg in (one, other)
    ]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert ElementTree.fromstring(one).attrib["aria-label"] == "a < b"


@pytest.mark.parametrize("values", [np.nan, 0.0, -1.0, 3.0])
@pytest.mark.parametrize("count", [1, 2, 300])
def test_lines_without_extent_are_drawn_quietly(values, count):
    line = plot.Line(np.full(count, 7), np.full(count, values), 0, smooth=True)
    for log in (False, True):
        svg = plot.draw([line], identifier="x", label="x", log_x=log, log_y=log)
        assert svg.startswith("<svg")


def test_a_long_line_gets_its_average_and_a_short_one_does_not():
    def num_coloured(count):
        line = plot.Line(np.arange(count), np.arange(count) % 3, 1, smooth=True)
        return plot.draw([line], identifier="x", label="x").count("var(--c1)")

    assert (num_coloured(20), num_coloured(500)) == (1, 2)


def test_layers_in_natural_order():
    names = ["output", "blocks_10/a", "blocks_2/b", "blocks_2/a", "linear"]
    assert sorted(names, key=curves.natural_order) == [
        "blocks_2/a",
        "blocks_2/b",
        "blocks_10/a",
        "linear",
        "output",
    ]


def test_numbers_as_written():
    assert [numbers.number(x) for x in (0.123456, 12345.6, 1500.0, 2e-7, float("nan"), -0.5)] == [
        "0.1235",
        "12,346",
        "1,500",
        "2e-07",
        "not finite (nan)",
        "-0.5",
    ]
    assert [numbers.duration(x) for x in (12, 312, 7500)] == ["12 s", "5 min 12 s", "2 h 05 min"]
    assert numbers.time("2026-11-21T03:47:12+02:00") == "2026-11-21 01:47 UTC"
    assert numbers.time("yesterday") == "yesterday"
