"""The benchmark of an edit runs; what it measures is not tested."""

import pytest

from benchmarks import edit_time
from configs import scfegan as config_file


def test_edit_time_measures_edits_and_the_network():
    measured = edit_time.measure(config_file.get_config("test"), num_runs=2, num_warmup=1)
    assert measured["input"] == [1, 32, 32, 9]
    assert set(measured["milliseconds"]) == {"edit", "generator"}
    for name, times in measured["milliseconds"].items():
        assert 0 < times["min"] <= times["median"] <= times["max"]
        rate = measured["pictures_per_second"][name]
        assert rate == pytest.approx(1e3 / times["median"], rel=0.02)
    assert measured["num_parameters"] == 11_018
    # Python with JAX alone needs tens of megabytes.
    assert measured["peak_bytes"] is None or measured["peak_bytes"] > 5e7
    assert {"device", "processor", "versions", "temporary_bytes"} <= measured.keys()
