"""The planner's command, on a config small enough to compile in seconds."""

import copy
import json
import os

import pytest

from jaxrepro import plan
from jaxrepro.core.errors import InputError
from tests import runs


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The finished process and what it wrote; the data set that the config names is not here."""
    output = tmp_path_factory.mktemp("plan") / "plan.json"
    # Nothing that is compiled is run.
    flags = f"{os.environ['XLA_FLAGS']} --xla_backend_optimization_level=0"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XLA_FLAGS", flags)
        process = runs.run(
            "jaxrepro.plan",
            "--config=configs/biggan_digits.py:test",
            "--config.data.source=tfds:not_here",
            "--config.model.ch=2",
            "--num_classes=10",
            "--devices=2",
            "--device_memory=1GB",
            f"--output={output}",
        )
    assert process.returncode == 0, process.stderr
    return process.stdout, json.loads(output.read_text())


def test_the_report(planned):
    _, report = planned
    assert (report["num_devices"], report["batch_size"], report["device_memory"]) == (2, 8, 10**9)
    options = {(o["examples"], o["remat"]): o for o in report["options"]}
    # 8 images on two devices, all at once, in two parts, in four.
    assert {key[0]: o["microbatches"] for key, o in options.items()} == {4: 1, 2: 2, 1: 4}
    assert len(options) == 6
    assert {key for key, o in options.items() if o["compiled"]} == {
        (2, False),
        (4, False),
        (4, True),
    }
    assert report["compilations"] == 3
    for option in options.values():
        if option["compiled"]:
            parts = option["memory_analysis"]
            total = sum(parts.values()) - 2 * parts["aliased"]
            assert total == option["bytes_per_device"]
            # The donated state is not held twice.
            assert parts["aliased"] >= sum(report["state_bytes_per_device"].values())
    # Less memory and more work with rematerialisation, less work with fewer passes.
    assert options[4, True]["bytes_per_device"] < options[4, False]["bytes_per_device"]
    assert options[2, False]["bytes_per_device"] < options[4, False]["bytes_per_device"]
    work = {key: o["contractions_per_step"] for key, o in options.items()}
    assert work[4, False] < work[1, False] < work[1, True]
    assert work[4, True] > 1.05 * work[4, False]
    assert options[4, False]["contractions_per_example"] == work[4, False] / 8
    assert report["loops_counted_once"] == 0
    assert report["primitives_not_counted"] == []


def test_the_recommendation_repeats_the_users_own_config(planned):
    out, report = planned
    arguments = [
        "--config=configs/biggan_digits.py:test",
        "--config.data.source=tfds:not_here",
        "--config.model.ch=2",
        "--config.train.microbatches=1",
        "--config.model.remat=False",
    ]
    assert sorted(report["recommended"]["arguments"]) == sorted(arguments)
    assert report["recommended"] == next(
        o for o in report["options"] if o["examples"] == 4 and not o["remat"]
    )
    assert "recommended: python -m jaxrepro.train --config=configs/biggan_digits.py:test" in out
    assert "memory was assigned by the CPU's compiler: for a GPU or TPU it is an estimate" in out


def test_nothing_fits(planned):
    report = copy.deepcopy(planned[1])
    plan.check_that_one_fits(report)
    report.update(recommended=None, device_memory=2000)
    least = min(o["bytes_per_device"] for o in report["options"])
    with pytest.raises(InputError) as caught:
        plan.check_that_one_fits(report)
    message = str(caught.value)
    assert message.startswith("nothing fits into 2.00 kB on a device: the smallest need is ")
    assert f"{least / 1e3:.2f} kB" in message or f"{least / 1e6:.2f} MB" in message
    assert "train.microbatches=4 and model.remat=True" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device_memory=1GB"], "give --config and --device_memory"),
        (
            ["--config=configs/biggan_digits.py:test", "--device_memory=lots"],
            "memory 'lots' is not",
        ),
        (
            ["--config=configs/biggan128.py", "--device_memory=1GB"],
            "to plan without the data set give --num_classes",
        ),
        (
            ["--config=configs/biggan_digits.py:test", "--device_memory=1GB", "--devices=3"],
            "train.batch_size=8 cannot be passed through 3 devices in equal parts",
        ),
    ],
)
def test_errors_are_one_line(arguments, message, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    result = runs.run("jaxrepro.plan", *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
