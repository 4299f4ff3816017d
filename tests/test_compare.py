"""`benchmarks.compare`: slower or noise, what is looked at, and what cannot be compared."""

import json

import pytest

from benchmarks import (
    compare,
)
from jaxrepro.core.errors import InputError
from tests import runs


def step_ms(p10, median, p90):
    return {"median": median, "p10": p10, "p90": p90}


STEP = {
    "device": "1 x cpu",
    "step_ms": step_ms(95, 100, 104),
    "compile_seconds": 10.0,
    "compile_from_cache_seconds": None,
    "temporary_bytes": 1000,
    "losses_finite": True,
    "command": "python -m benchmarks.step_time --config=a",
}


def verdicts(old, new, **options):
    limits = {
        "tolerance": 0.1,
        "compile_tolerance": 0.3,
        "memory_tolerance": 0.05,
    }
    return {r.quantity: r.verdict for r in compare.compare(old, new, **limits, **options)}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"step_ms": {"median": 109.0, "p10": 108.0, "p90": 110.0}}, {}),
        (
            {"step_ms": {"median": 112.0, "p10": 103.0, "p90": 130.0}},
            {"update, ms": "within noise"},
        ),
        ({"step_ms": {"median": 112.0, "p10": 105.0, "p90": 130.0}}, {"update, ms": "WORSE"}),
        ({"step_ms": {"median": 80.0, "p10": 79.0, "p90": 81.0}}, {"update, ms": "better"}),
        ({"compile_seconds": 12.0}, {}),
        ({"compile_seconds": 14.0}, {"compilation, s": "WORSE"}),
        ({"temporary_bytes": 1060}, {"memory of an update, bytes": "WORSE"}),
        ({"losses_finite": False}, {"losses finite": "WORSE"}),
        ({"losses_finite": None}, {"losses finite": "WORSE"}),
    ],
)
def test_compare_tells_slower_from_noise(changes, expected):
    same = dict.fromkeys(("update, ms", "compilation, s", "memory of an update, bytes"), "same")
    assert verdicts(STEP, STEP | changes) == same | expected


def test_compare_refuses_what_cannot_be_compared():
    with pytest.raises(InputError, match="other conditions .device: 1 x cpu -> 1 x tpu.*--anyway"):
        verdicts(STEP, STEP | {"device": "1 x tpu"})
    assert "update, ms" in verdicts(STEP, STEP | {"device": "1 x tpu"}, anyway=True)
    with pytest.raises(InputError, match="one is of step_time, the other of start_time"):
        verdicts(STEP, {"command": "python -m benchmarks.start_time"})
    with pytest.raises(InputError, match=r"no step_ms\.median, the old one has"):
        verdicts(STEP, STEP | {"step_ms": None})
    with pytest.raises(InputError, match="share no figure that is compared"):
        verdicts({"what": "something"}, {"what": "something"})
    with pytest.raises(InputError, match="compile_seconds is 'long', not a number"):
        verdicts(STEP, STEP | {"compile_seconds": "long"})
    with pytest.raises(InputError, match=r"device: 1 x cpu -> not told\)"):
        verdicts(STEP, {key: value for key, value in STEP.items() if key != "device"})
    results = runs.ROOT / "benchmarks" / "results"
    for name in ("input_pipeline_cpu.json", "start_times_cpu.json", "step_times_cpu.json"):
        together = compare.read_result(results / name)
        with pytest.raises(InputError, match="share no figure.*not several results put together"):
            verdicts(together, together)


def spread(low, median, high):
    return {"median": median, "min": low, "max": high}


PIPELINE = {
    "device": "1 x cpu",
    "batch_size": 64,
    "num_threads": 2,
    "kept_in_memory": False,
    "examples_per_second": spread(3400, 3500, 3600),
    "example_cpu_ms": None,
    "with_updates": {"num_steps": 50, "ms_per_update": 100.0, "share_waiting": 0.0},
    "command": "python -m benchmarks.input_pipeline",
}
EDIT = {
    "config": "--config=configs/scfegan.py",
    "milliseconds": {"edit": spread(9, 10, 11), "generator": spread(7, 8, 9)},
    "temporary_bytes": 100,
    "peak_bytes": 1000,
    "command": "python -m benchmarks.edit_time",
}
START = {
    "programs_at_first": "none",
    "first": {"seconds": 20.0, "cpu_seconds": 30.0},
    "warm": {"seconds": 4.0, "cpu_seconds": 5.0},
    "warm_seconds": [4.2, 3.9, 4.0],
    "warm_cpu_seconds": [5.0, 5.1, 4.9],
    "command": "python -m benchmarks.start_time",
}


def updates(**changes):
    return {"with_updates": PIPELINE["with_updates"] | changes}


@pytest.mark.parametrize(
    ("old", "changes", "different"),
    [
        (PIPELINE, {}, {}),
        (
            PIPELINE,
            {"examples_per_second": spread(850, 900, 950), **updates(share_waiting=0.7)},
            {"examples a second": "WORSE", "share waiting for data": "WORSE"},
        ),
        (PIPELINE, {"examples_per_second": spread(3000, 3190, 3300)}, {}),
        (
            PIPELINE,
            {"examples_per_second": spread(3000, 3100, 3410)},
            {"examples a second": "within noise"},
        ),
        (
            PIPELINE,
            {"examples_per_second": spread(3900, 4000, 4100)},
            {"examples a second": "better"},
        ),
        (PIPELINE, updates(ms_per_update=112.0), {"update with its data, ms": "WORSE"}),
        (PIPELINE, updates(share_waiting=0.019), {}),
        (PIPELINE, updates(share_waiting=0.021), {"share waiting for data": "WORSE"}),
        (
            PIPELINE | updates(share_waiting=0.5),
            updates(share_waiting=0.47),
            {"share waiting for data": "better"},
        ),
        (EDIT, {"peak_bytes": 1100}, {"peak": "WORSE"}),
        (START, {"first": {"seconds": 27.0, "cpu_seconds": 30.0}}, {"first start, s": "WORSE"}),
        (
            START,
            {"warm": {"seconds": 4.6, "cpu_seconds": 5.0}, "warm_seconds": [4.5, 4.6, 4.7]},
            {"start, s": "WORSE"},
        ),
    ],
)
def test_compare_looks_at_every_benchmark(old, changes, different):
    same = dict.fromkeys(verdicts(old, old), "same")
    assert verdicts(old, old) == same
    peak = "memory of the process until the edits were done, bytes"
    expected = {peak if name == "peak" else name: verdict for name, verdict in different.items()}
    assert expected.keys() <= same.keys()
    assert verdicts(old, old | changes) == same | expected


@pytest.mark.parametrize(
    ("old", "changes", "message"),
    [
        (PIPELINE, {"kept_in_memory": True}, "kept_in_memory: False -> True"),
        (PIPELINE, {"num_threads": 8}, "num_threads: 2 -> 8"),
        (PIPELINE, {"config": "--config=a"}, "config: not told -> --config=a"),
        (PIPELINE, updates(num_steps=5), r"with_updates\.num_steps: 50 -> 5"),
        (EDIT, {"config": "--config=other"}, "config: --config=configs/scfegan.py -> --config=ot"),
        (START, {"programs_at_first": "those of an earlier measurement"}, "first: none -> those"),
    ],
)
def test_compare_knows_the_conditions(old, changes, message):
    with pytest.raises(InputError, match=f"other conditions .*{message}"):
        verdicts(old, old | changes)
    assert "WORSE" not in verdicts(old, old | changes, anyway=True).values()


def test_compare_of_scaling():
    old = compare.read_result(runs.ROOT / "benchmarks/results/biggan128_scaling_512.json")
    assert set(verdicts(old, old).values()) == {"same"}
    new = json.loads(json.dumps(old))
    new["compiled"][1]["sent_bytes_a_step"] *= 2
    new["compiled"][0]["collectives_a_step"] = 91
    new["predicted"][1]["step_ms_without_overlap"] = 130.0
    assert [name for name, verdict in verdicts(old, new).items() if verdict == "WORSE"] == [
        "512 devices: collectives in a step",
        "64 devices: sent, bytes",
        "H100 SXM x 64: predicted without overlap, ms",
    ]
    new["compiled"][0]["dtype"] = "bfloat16"
    with pytest.raises(InputError, match=r"\(512 devices: dtype: float32 -> bfloat16\)"):
        verdicts(old, new)
    del new["compiled"][1]
    with pytest.raises(InputError, match="the new result has no 64 devices, the old one has"):
        verdicts(old, new)


def test_compare_command_on_folders(tmp_path, capsys):
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder, median in zip(folders, (100.0, 150.0), strict=True):
        folder.mkdir()
        (folder / "b.json").write_text(json.dumps(STEP))
        slower = STEP | {"step_ms": step_ms(median, median, median)}
        (folder / "a.json").write_text(json.dumps(slower))
    output = tmp_path / "rows.json"
    with pytest.raises(SystemExit) as ended:
        runs.call(compare, *map(str, folders), f"--output={output}")
    assert ended.value.code == 1
    assert "1.500  WORSE" in capsys.readouterr().out
    rows = json.loads(output.read_text())
    assert [row["verdict"] for row in rows["b.json"]] == ["same"] * 3
    runs.call(compare, str(folders[1] / "a.json"), str(folders[0] / "a.json"))  # Only faster.
    (folders[1] / "a.json").unlink()
    with pytest.raises(InputError, match=r"a\.json is in only one of"):
        runs.call(compare, *map(str, folders))


def test_results_with_older_names_are_compared_with_todays(tmp_path):
    older = {key.replace("example", "image"): value for key, value in PIPELINE.items()}
    assert "images_per_second" in older
    rates = []
    for name, result in (("old", older), ("new", PIPELINE)):
        (tmp_path / name).write_text(json.dumps(result))
        rates.append(compare.read_result(tmp_path / name))
    assert rates[0] == rates[1] == PIPELINE
