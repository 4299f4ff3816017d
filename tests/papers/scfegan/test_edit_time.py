"""The benchmark of an edit runs; what it measures is not tested."""

import json

import pytest

from benchmarks import compare, edit_time
from jaxrepro.core.errors import InputError
from jaxrepro.core.machine import runtime
from tests.runs import ROOT, call


# Of ml_collections, which reads the config.
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_edit_time_measures_edits_and_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "set_for_speed", lambda: None)  # Too late in this process.
    with pytest.raises(InputError, match=r"no config given; .*configs/scfegan\.py"):
        call(edit_time)
    output = tmp_path / "result.json"
    config = f"--config={ROOT}/configs/scfegan.py:test"
    call(edit_time, config, "--num=2", "--warmup=1", f"--output={output}")
    measured = json.loads(output.read_text())
    assert measured["num_runs"] == 2
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
    slower = {
        name: {k: 2 * x for k, x in t.items()} for name, t in measured["milliseconds"].items()
    }
    limits = dict.fromkeys(("tolerance", "compile_tolerance", "memory_tolerance"), 0.1)
    rows = compare.compare(measured, measured | {"milliseconds": slower}, **limits)
    assert [(row.quantity, row.ratio) for row in rows[:2]] == [
        ("edit, ms", 2),
        ("generator, ms", 2),
    ]
