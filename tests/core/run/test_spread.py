"""Means and spreads over seeds, by hand; their names; the table on the console."""

import math

import numpy as np
import pytest

from jaxrepro.core.reports.tables import print_results
from jaxrepro.core.run.spread import over_seeds, part_name, parts_by_name
from jaxrepro.core.task import Image


def picture(value):
    return Image(np.full((2, 2, 3), value, np.uint8))


def test_mean_sample_deviation_and_each_value():
    first, last = picture(1), picture(9)
    results = over_seeds(
        {
            4: {"psnr@set5:y": 30.0, "sheet": first},
            5: {"psnr@set5:y": 31.0, "sheet": last},
            6: {"psnr@set5:y": 35.0, "sheet": last},
        }
    )
    assert results == {
        "psnr@set5:y": 32.0,
        # Squares of -2, -1 and 3 sum to 14; two degrees of freedom.
        "psnr/std@set5:y": pytest.approx(math.sqrt(7)),
        "psnr/seed4@set5:y": 30.0,
        "psnr/seed5@set5:y": 31.0,
        "psnr/seed6@set5:y": 35.0,
        "sheet": first,
    }


def test_a_number_that_one_seed_lacks_has_no_mean():
    assert over_seeds({0: {"a": 1.0, "b": 2.0}, 1: {"a": 1.0}}) == {
        "a": 1.0,
        "a/std": 0.0,
        "a/seed0": 1.0,
        "a/seed1": 1.0,
        "b/seed0": 2.0,
    }


def test_what_is_not_finite_shows():
    results = over_seeds({0: {"a": math.inf}, 1: {"a": 1.0}})
    assert results["a"] == math.inf
    assert math.isnan(results["a/std"])


def test_parts_are_found_by_name():
    assert part_name("fid@50:net", "std") == "fid/std@50:net"
    names = ["fid@50", "fid/std@50", "fid/seed3@50", "fid/seed3@9", "loss/std", "loss", "b/seed1"]
    assert parts_by_name(names) == {
        "fid@50": {"std": "fid/std@50", "seed3": "fid/seed3@50"},
        "fid/seed3@9": {},  # No mean of this protocol is there.
        "loss/std": {},  # A paper's own: no seed is beside it.
        "loss": {},
        "b/seed1": {},
    }


def test_the_console_shows_mean_and_spread(tmp_path, capsys):
    results = over_seeds({0: {"accuracy": 0.91}, 1: {"accuracy": 0.93}})
    print_results({**results, "other": 0.5}, tmp_path)
    out = capsys.readouterr().out
    assert "0.92 ± 0.014 (2 seeds)" in out
    assert "accuracy/" not in out
    assert "0.5" in out
