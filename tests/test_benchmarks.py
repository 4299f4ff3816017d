"""The benchmark commands run; what they measure is not tested."""

import json
import os
import pathlib
import sys
import time
import types

import jax
import numpy as np
import pytest

from benchmarks import (
    all_configs,
    device_peaks,
    digits_baseline,
    input_pipeline,
    network_time,
    start_time,
    step_time,
    update_cost,
)
from benchmarks.step_batch import step_batch
from configs import ricap
from jaxrepro.core.errors import InputError
from jaxrepro.core.machine import runtime
from jaxrepro.core.task import BatchSpec
from tests import runs


def test_step_time_writes_json(tmp_path):
    output = tmp_path / "result.json"
    result = runs.run(
        "benchmarks.step_time",
        "--config=configs/srcnn.py:test",
        "--config.train.batch_size=3",
        "--steps=2",
        "--warmup=1",
        "--peak_side=64",
        f"--output={output}",
    )
    assert result.returncode == 0, result.stderr
    measured = json.loads(output.read_text())
    assert json.loads(result.stdout) == measured
    assert measured["losses_finite"] is True
    assert measured["config"] == ("--config=configs/srcnn.py:test --config.train.batch_size=3")
    assert measured["batch"]["image"][0] == 3
    assert measured["batch_content"] == "the first batch of the training data"
    assert 0 < measured["step_ms"]["p10"] <= measured["step_ms"]["median"]
    assert measured["examples_per_second"] > 0
    # Kernels 9-1-5 and 4 channels over 3 patches of 33 pixels without padding: the outputs, the
    # kernels' gradients, and the inputs' but for the first.
    layers = [25 * 25 * 81 * 4, 25 * 25 * 4 * 4, 21 * 21 * 25 * 4]
    by_hand = 2 * 3 * (3 * sum(layers) - layers[0])
    assert measured["model_flops_per_step"] == pytest.approx(by_hand, rel=1e-4)
    assert measured["flops_per_step"] > by_hand
    seconds = measured["step_ms"]["median"] / 1e3
    rate = measured["contraction_flops_per_step"] / seconds
    assert measured["contraction_flops_per_second"] == pytest.approx(rate, rel=1e-2)
    share = (
        measured["model_flops_per_step"] / seconds / measured["peak_flops_per_second"]["float32"]
    )
    assert measured["share_of_peak"]["float32"] == pytest.approx(share, rel=0.02, abs=2e-4)
    assert measured["compile_from_cache_seconds"] > 0  # None unless it was really loaded.
    assert measured["peak_process_bytes"] > measured["temporary_bytes"] > 0
    assert measured["bytes_accessed_per_step"] > measured["argument_bytes"] > 0
    assert {"device", "processor", "versions", "xla_flags", "command"} <= measured.keys()


def test_a_described_source_gives_drawn_batches():
    specs = {
        "image": BatchSpec((20, 4, 4, 3), np.uint8),
        "label": BatchSpec((20,), np.int32),
        "labelled": BatchSpec((20,), np.bool_),
        "joints": BatchSpec((20, 2), np.float32),
    }
    batch, content = step_batch(types.SimpleNamespace(batch_spec=specs), "described:7")
    assert "int32 uniform in [0, 6]" in content
    for name, spec in specs.items():
        assert (batch[name].shape, batch[name].dtype) == (spec.shape, spec.dtype)
    assert set(batch["label"]) <= set(range(7))
    assert len(set(batch["label"])) > 3
    assert set(batch["labelled"]) == {True, False}
    assert np.ptp(batch["image"]) > 200
    assert -1 <= batch["joints"].min() < 0 < batch["joints"].max() < 1


def test_share_of_a_published_peak():
    class Device:
        platform, device_kind = "gpu", "NVIDIA H100 80GB HBM3"

    used = device_peaks.utilisation(98.94e12, Device(), [])
    assert used["share_of_peak"]["bfloat16"] == 0.1
    assert used["peak_flops_per_second"]["float32"] == 66.9e12
    Device.device_kind = "a new one"
    used = device_peaks.utilisation(1e12, Device(), [])
    assert used["share_of_peak"] is None
    assert used["peak_source"] == "no published peak of 'a new one' is known here"


def test_all_configs_runs_each_in_a_process_and_says_which_failed(capsys):
    chosen = all_configs.chosen(runs.ROOT / "configs", "demo", [])
    files = {path.stem for path in (runs.ROOT / "configs").glob("*.py")}
    assert files < chosen.keys()
    assert chosen["hourglass"] == [f"--config={runs.ROOT}/configs/hourglass.py:demo"]
    assert chosen["srcnn_3_seeds"][1:] == ["--config.num_seeds=3"]
    with pytest.raises(InputError, match="no config nothing in"):
        all_configs.chosen(runs.ROOT / "configs", "demo", ["nothing"])
    assert all_configs.run([sys.executable, "-c", ""], 60)
    assert not all_configs.run([sys.executable, "-c", "raise SystemExit('broken')"], 60)
    assert "broken" in capsys.readouterr().err


def test_need_for_images():
    speed = {"examples_per_second": {"median": 900.0}, "examples_per_second_per_core": 500.0}
    found = input_pipeline.need(64, 40.0, speed)
    assert found["examples_per_second_needed"] == 1600
    assert found["cores_needed"] == 3.2
    assert found["speed_over_need"] == 0.562


def test_pipeline_speed_counts_the_images_of_whole_batches(monkeypatch):
    clock = iter(np.arange(0, 100, 0.5))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(input_pipeline, "_cpu_seconds", iter([0, 0.5, 1, 2]).__next__)
    batches = iter(range(100))
    found = input_pipeline.pipeline_speed(batches, 10, seconds=2.0, num_parts=2)
    # A part begins, asks the clock after each batch and once more for its rate: 0, 0.5, 1, 1.5.
    assert next(batches) == 5
    assert found["examples_per_second"] == {"median": 13.3, "min": 13.3, "max": 13.3}
    assert found["example_cpu_ms"] == {"median": 37.5, "min": 25.0, "max": 50.0}
    assert found["examples_per_second_per_core"] == 26.7


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_flags_that_would_be_left_unread(tmp_path, monkeypatch):
    config, source = "--config=configs/srcnn.py:test", "--source=folder:somewhere"
    own = "with --config, whose own pipeline is measured; leave it out, or override"
    for flag in ("--size=128", "--batch_size=64", "--workers=0", "--threads=2", "--memory"):
        name = flag.partition("=")[0]
        with pytest.raises(InputError, match=f"^{name} has no effect {own}"):
            runs.call(input_pipeline, config, flag)
    with pytest.raises(InputError, match="^--size, --threads have no effect"):
        runs.call(input_pipeline, config, "--threads=1", "--size=9")
    with pytest.raises(InputError, match="^--steps has no effect with --source, where no update"):
        runs.call(input_pipeline, source, "--steps=30")
    with pytest.raises(InputError, match="^--memory has no effect with --workers=2, which keep"):
        runs.call(input_pipeline, source, "--memory", "--workers=2")
    for option in ("--output=mine.json", "--config=mine.py"):
        with pytest.raises(InputError, match=f"^{option} given after --"):
            runs.call(all_configs, f"--output={tmp_path}", "--", option)
    monkeypatch.setattr(runtime, "set_for_speed", lambda: None)  # Too late in this process.
    gpu = types.SimpleNamespace(platform="gpu", device_kind="NVIDIA H100")
    monkeypatch.setattr(jax, "devices", lambda: [gpu])
    with pytest.raises(InputError, match="^--peak_side has no effect on NVIDIA H100, whose peak"):
        runs.call(step_time, config, "--peak_side=64")


def test_start_time_of_a_command():
    programs = pathlib.Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    found = start_time.start(["--config=configs/srcnn.py:test"], programs, 300)
    first, *_, last = found["phases"]
    assert (first, last) == ("python, flags and config", "first update")
    assert "program of the update" in found["phases"]
    assert all(phase["seconds"] >= 0 for phase in found["phases"].values())
    assert found["jax_programs"]["compiled_or_loaded"] > 0
    with pytest.raises(InputError, match="no update within 300 s: .*nothing"):
        start_time.start(["--config=configs/srcnn.py:test", "--nothing=1"], programs, 300)


def test_import_times_by_package():
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:     30000 |      30000 |   numpy.linalg",
        "import time:     40000 |      70000 | numpy",
        "import time:       500 |        500 | abc",
        "error: something else",
    ]
    assert start_time.import_milliseconds(lines) == {"numpy": 70.0, "others": 0.5}


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
    assert measured["config"] == "--config=configs/srcnn.py:test"
    times = measured["milliseconds"]
    assert 0 < times["min"] <= times["median"] <= times["max"]
    assert {"device", "processor", "versions", "command"} <= measured.keys()


def test_updates_are_timed_in_turn():
    configs = {name: ricap.get_config(f"test,augment={name}") for name in ("none", "ricap")}
    measured = update_cost.measure(configs, num_rounds=2, num_steps=1)["updates"]
    assert measured["none"].items() >= {"ratio": 1.0, "low": 1.0, "high": 1.0}.items()
    assert 0 < measured["ricap"]["low"] <= measured["ricap"]["ratio"] <= measured["ricap"]["high"]
    with pytest.raises(InputError, match="--beside=no.py:demo: no config file no.py"):
        update_cost._config("no.py:demo")


def test_digits_baseline_gives_the_records_figures_and_says_on_what(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(digits_baseline, "_NUM_DRAWS", 1)
    output = tmp_path / "baseline.json"
    digits_baseline.main(types.SimpleNamespace(seed=0, output=output))
    written = json.loads(output.read_text())
    assert json.loads(capsys.readouterr().out) == written
    assert {"device", "processor", "num_cpus", "versions"} < set(written)
    assert written["command"].startswith("python -m benchmarks.digits_baseline")
    record = pathlib.Path(__file__).parents[1] / "benchmarks" / "results" / "biggan" / "digits.json"
    arm = json.loads(record.read_text())["arms"]["Gaussian of each class"]
    figures = {name.partition("/")[2]: result["mean"] for name, result in arm["results"].items()}
    assert len(figures) == 5
    # One draw of the five whose mean the record has.
    assert {name: written[name] for name in figures} == pytest.approx(figures, abs=0.02)


def test_runs_without_the_stopwatch_come_first(monkeypatch):
    clock = iter([0, 7, 10, 11, 20, 22])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    done = []
    assert network_time.Runs(2, num_warmup=1).seconds(lambda: done.append(1)) == [1, 2]
    assert len(done) == 3
