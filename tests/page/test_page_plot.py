"""Plots: which points stay, what is averaged, and that nothing reaches outside its SVG."""

from xml.etree import ElementTree

import numpy as np
import pytest

from jaxrepro.page import axes, curves, numbers, plot


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


def test_svg_is_repeatable_and_takes_its_look_from_the_page():
    line = plot.Line(np.arange(5), np.array([1.0, np.nan, -3.0, np.inf, 2.0]), 0, markers=True)
    one, again = (plot.draw([line], label='a < "b"', log_y=True) for _ in range(2))
    assert one == again
    assert "var(--c0)" in one
    assert "font-family" not in one
    root = ElementTree.fromstring(one)
    assert root.attrib["aria-label"] == 'a < "b"'
    # Nothing that could clash with another plot of the page, and gaps where there is no logarithm.
    assert not any("id" in element.attrib for element in root.iter())
    assert len(root.findall("circle")) == 2 and "nan" not in one


def test_a_plot_tells_its_values_under_the_pointer():
    steps = np.array([1, 2, 4])
    lines = [
        plot.Line(steps, np.array([0.5, np.nan, 1234.0]), 0, name="a<b"),
        plot.Line(steps[:1], np.array([7.0]), 1, name="rare"),
        plot.Line(steps, np.full(3, 9.0), None),
    ]
    root = ElementTree.fromstring(plot.draw(lines, label="x"))
    told = [rect.find("title").text.splitlines() for rect in root.findall("rect")]
    assert told == [
        ["update 1", "a<b: 0.5", "rare: 7"],
        ["update 2", "a<b: not finite (nan)"],
        ["update 4", "a<b: 1,234"],
    ]
    # The strips fill the plot, each around its update; of a long line there are few.
    ends = [float(r.get("x")) + float(r.get("width")) for r in root.findall("rect")]
    starts = [float(r.get("x")) for r in root.findall("rect")]
    np.testing.assert_allclose(ends[:-1], starts[1:], atol=0.11)
    long = plot.Line(np.arange(5000), np.arange(5000.0), 0, name="x")
    assert plot.draw([long], label="x").count("<title>") == 40


def test_a_logarithmic_axis_marks_every_decade():
    def ticks(low, high):
        axis = axes.log_axis(np.array([low, high, -1.0, np.nan]))
        assert axis.low < low and high < axis.high
        return [tick.text for tick in axis.ticks if tick.text], len(axis.ticks)

    assert ticks(0.02, 300) == (["0.1", "1", "10", "100"], 8 + 9 + 9 + 9 + 4)
    assert ticks(3, 40)[0] == ["5", "10", "20"]
    assert ticks(1.2, 1.9)[0] == ["1.2", "1.4", "1.6", "1.8"]
    # Of many decades every other one is labelled.
    small = [f"1e\N{MINUS SIGN}{k}" for k in (8, 6)]
    assert ticks(2e-8, 1)[0] == [*small, "0.0001", "0.01", "1"]
    share = axes.log_axis(np.array([1.0, 100.0])).share(np.array([1.0, 10.0, 100.0, 0.0]))
    assert share[1] == pytest.approx(0.5) and share[0] == pytest.approx(1 - share[2])
    assert np.isnan(share[3])


def test_a_linear_axis_has_round_ticks():
    updates = axes.linear_axis(np.array([60.0, 120.0]), whole=True)
    assert (updates.low, updates.high) == (60, 120)
    assert [tick.text for tick in updates.ticks] == ["60", "80", "100", "120"]
    values = axes.linear_axis(np.array([-0.03, np.nan, 0.02, np.inf]))
    assert [tick.text for tick in values.ticks][:4] == [
        "\N{MINUS SIGN}0.03",
        "\N{MINUS SIGN}0.02",
        "\N{MINUS SIGN}0.01",
        "0",
    ]
    assert [t.text for t in axes.linear_axis(np.array([7.0]), whole=True).ticks] == ["6", "7", "8"]


@pytest.mark.parametrize("values", [np.nan, 0.0, -1.0, 3.0])
@pytest.mark.parametrize("count", [1, 2, 300])
def test_lines_without_extent_are_drawn_quietly(values, count):
    line = plot.Line(np.full(count, 7), np.full(count, values), 0, smooth=True, name="x")
    for log in (False, True):
        svg = plot.draw([line], label="x", log_x=log, log_y=log)
        assert svg.startswith("<svg") and "nan " not in svg


def test_a_long_line_gets_its_average_and_a_short_one_does_not():
    def num_coloured(count):
        line = plot.Line(np.arange(count), np.arange(count) % 3, 1, smooth=True)
        return plot.draw([line], label="x").count("var(--c1)")

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
