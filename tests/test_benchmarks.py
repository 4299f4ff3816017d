"""The benchmark commands run; what they measure is not tested."""

import json

import pytest

from tests import runs


def test_step_time_writes_json(tmp_path):
    output = tmp_path / "result.json"
    result = runs.run(
        "benchmarks.step_time",
        "--config=configs/biggan_digits.py:test",
        "--steps=2",
        "--warmup=1",
        f"--output={output}",
    )
    assert result.returncode == 0, result.stderr
    measured = json.loads(output.read_text())
    assert json.loads(result.stdout) == measured
    assert measured["losses_finite"] is True
    assert measured["batch"]["image"] == [2, 2, 4, 16, 16, 1]
    assert 0 < measured["step_ms"]["p10"] <= measured["step_ms"]["median"]
    assert measured["real_images_per_second"] > 0
    # On CPU nothing is a loop, and XLA drops little of what is written.
    assert 0.8 < measured["contraction_flops_per_step"] / measured["flops_per_step"] < 1.1
    seconds = measured["step_ms"]["median"] / 1e3
    rate = measured["contraction_flops_per_step"] / seconds
    assert measured["contraction_flops_per_second"] == pytest.approx(rate, rel=1e-2)
    assert {"device", "processor", "versions", "xla_flags", "command"} <= measured.keys()


def test_enlarging_time_writes_json(tmp_path):
    output = tmp_path / "result.json"
    result = runs.run(
        "benchmarks.enlarging_time",
        "--config=configs/srcnn.py:test",
        "--size=24",
        "--runs=2",
        "--warmup=1",
        f"--output={output}",
    )
    assert result.returncode == 0, result.stderr
    measured = json.loads(output.read_text())
    assert json.loads(result.stdout) == measured
    assert measured["input"] == [24, 24, 1]
    times = measured["milliseconds"]
    assert 0 < times["min"] <= times["median"] <= times["max"]
    assert {"device", "processor", "versions", "command"} <= measured.keys()
