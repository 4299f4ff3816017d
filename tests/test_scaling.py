"""The prediction of `benchmarks.scaling`, by numbers worked out by hand."""

import json

import pytest

from benchmarks import scaling
from benchmarks.chip_figures import MACHINES, Figure, Level
from benchmarks.scaling_prediction import (
    Exchange,
    all_reduce_seconds,
    exchange_seconds,
    exchanges_of,
    level_sizes,
    make_prediction,
    predict,
)
from jaxrepro.core.analysis.replica_groups import parse_groups
from jaxrepro.core.errors import InputError
from tests import runs
from tests.test_task_contract import load

ALL_OF_8 = (tuple(range(8)),)


def level(num_devices, bytes_per_second):
    return Level(num_devices, Figure(bytes_per_second, "", ""))


def test_all_reduce_on_one_level():
    assert all_reduce_seconds(100.0, (4,), [level(0, 50.0)], 0.25) == 2 * 3 / 4 * 100 / 50 + 0.25
    assert all_reduce_seconds(100.0, (1,), [level(0, 50.0)], 0.25) == 0


def test_all_reduce_on_two_levels():
    """Within four, a ring; then each of them, for its quarter, among the eight groups."""
    levels = [level(4, 100.0), level(0, 10.0)]
    inner, outer = 2 * 3 / 4 * 80 / 100, 2 * 7 / 8 * 20 / 10
    assert level_sizes(range(32), levels) == (4, 8)
    assert all_reduce_seconds(80.0, (4, 8), levels, 0.5) == pytest.approx(inner + outer + 2 * 0.5)
    assert level_sizes(range(4), levels) == (4, 1)
    assert all_reduce_seconds(80.0, (4, 1), levels, 0.5) == pytest.approx(inner + 0.5)


@pytest.mark.parametrize(
    ("devices", "sizes"),
    [
        (range(8), (8, 1)),
        (range(0, 64, 8), (1, 8)),
        (range(4, 12), (4, 2)),
        (range(0, 64, 4), (2, 8)),
        # Six of one node stay on it; of 8 and 4 on two nodes, fours exchange.
        (range(6), (6, 1)),
        (range(12), (4, 3)),
        ((0, 1, 2, 8), (1, 4)),
        ((63,), (1, 1)),
    ],
)
def test_links_that_a_group_goes_over(devices, sizes):
    assert level_sizes(devices, MACHINES["h100"].levels) == sizes


def test_groups_smaller_than_all_devices():
    """Of 1 GB on 64 GPUs, 8 of a node, 450 GB/s within a node and 50 GB/s between."""

    def milliseconds(kind, groups, num_devices=64, latency=0.0):
        one = {"kind": kind, "replica_groups": groups, "times": 1}
        exchanges = exchanges_of([{**one, "bytes_by_part": {"other": 10**9}}], 64)
        levels = MACHINES["h100"].levels
        return 1e3 * sum(exchange_seconds(one, num_devices, levels, latency) for one in exchanges)

    nodes, across = "[8,8]<=[64]", "[8,8]<=[8,8]T(1,0)"
    assert milliseconds("all-gather", nodes) == pytest.approx(7 / 8 / 0.45)  # 1.94 ms
    assert milliseconds("all-reduce", nodes) == pytest.approx(2 * 7 / 8 / 0.45)
    assert milliseconds("all-reduce", across) == pytest.approx(2 * 7 / 8 / 0.05)  # 35 ms
    # 1 GB is left on each device, so that the sum is of 8 GB.
    assert milliseconds("reduce-scatter", nodes) == pytest.approx(7 / 0.45)
    both = 2 * 7 / 8 / 0.45 + 2 * 7 / 8 / 8 / 0.05
    assert milliseconds("all-reduce", "all") == pytest.approx(both)
    assert milliseconds("all-reduce", "all", latency=1e-3) == pytest.approx(both + 2)
    assert milliseconds("all-reduce", nodes, latency=1e-3) == pytest.approx(2 * 7 / 8 / 0.45 + 1)
    # 7/8 of an all-to-all leave the node, and nothing is summed up before.
    assert milliseconds("all-to-all", "all") == pytest.approx(7 / 8 / 0.45 + 7 / 8 / 0.05)
    # All pairs send at once; one is of two nodes.
    assert milliseconds("collective-permute", "{{0,1},{1,0}}") == pytest.approx(1 / 0.45)
    assert milliseconds("collective-permute", "{{0,1},{7,8},{3,3}}") == pytest.approx(1 / 0.05)
    assert milliseconds("collective-permute", "{{3,3}}") == 0
    # On 16 of the devices there are two nodes; on 8 nothing goes across.
    assert milliseconds("all-reduce", across, 16) == pytest.approx(2 * 1 / 2 / 0.05)
    assert milliseconds("all-reduce", across, 8) == 0
    assert milliseconds("all-reduce", nodes, 16) == pytest.approx(2 * 7 / 8 / 0.45)


def test_parameters_split_over_pairs_are_gathered_in_pairs():
    config = load(runs.ROOT / "configs" / "srcnn.py", "test")
    config.train.batch_size = 8
    config.mesh.fsdp, config.mesh.fsdp_min_mb = 2, 0
    found = scaling.analyse(config, 8)
    gathers = [one for one in found["collectives"] if one["kind"] == "all-gather"]
    (gradients,) = [one for one in found["collectives"] if one["kind"] == "all-reduce"]
    # Kernels 9-1-5 of 4 channels and two of the biases; a pair sends half of what it is left with.
    split = 4 * (9 * 9 * 4 + 4 * 4 + 5 * 5 * 4 + 4 + 4)
    assert sum(one["bytes"] for one in gathers) == split
    assert {one["groups"] for one in gathers} == {"4 of 2"}
    assert {parse_groups(one["replica_groups"], 8) for one in gathers} == {
        ((0, 1), (2, 3), (4, 5), (6, 7))
    }
    assert gradients["groups"] == "1 of 8"
    assert found["sent_bytes_a_step"] == split / 2 + 2 * 7 / 8 * gradients["bytes"]


def test_published_predictions_of_groups_of_all_devices():
    """What docs/scaling.md shows: exchanges among all devices are predicted as they were."""
    path = runs.ROOT / "benchmarks" / "results" / "biggan128_scaling_512.json"
    report = json.loads(path.read_text())
    analyses = {one["devices"]: one for one in report["compiled"]}
    for name, published in zip(("tpu_v3", "h100"), report["predicted"], strict=True):
        found = make_prediction(
            name, analyses[published["devices"]], utilisation=0.3, latency=20e-6
        )
        assert len(found["weak_scaling"]) == len(published["weak_scaling"]) > 6
        for one, other in zip(found["weak_scaling"], published["weak_scaling"], strict=True):
            assert one == pytest.approx(other, rel=1e-12)


def test_prediction():
    exchanges = [
        Exchange(40.0, 3, waits=True, groups=ALL_OF_8),
        Exchange(200.0, 1, waits=False, groups=ALL_OF_8),
    ]
    shown = predict(
        600.0, exchanges, 2, peak=1000.0, utilisation=0.5, levels=[level(0, 100.0)], latency=0.1
    )
    # 600 / (1000 * 0.5) = 1.2; 3 * (40 / 100 + 0.1) = 1.5; 200 / 100 + 0.1 = 2.1.
    assert shown.without_overlap == pytest.approx(1.2 + 1.5 + 2.1)
    assert shown.with_overlap == pytest.approx(1.5 + 2.1)
    assert shown.as_json()["efficiency_without_overlap"] == pytest.approx(1.2 / 4.8)
    assert shown.as_json()["efficiency_with_overlap"] == pytest.approx(1.2 / 3.6)


def test_statistics_are_waited_for_and_gradients_are_not():
    one = {"kind": "all-reduce", "replica_groups": "[1,8]<=[8]", "times": 2}
    parts = {"gradients": 600, "losses and logs": 8, "batch statistics": 32}
    gathered = {
        "kind": "all-gather",
        "replica_groups": "all",
        "times": 1,
        "bytes_by_part": {"other": 80},
    }
    found = exchanges_of([{**one, "bytes_by_part": parts}, gathered], 8)
    # An all-gather sends half of what an all-reduce of its result would.
    assert found == [
        Exchange(16, 2, True, ALL_OF_8),
        Exchange(304, 2, False, ALL_OF_8),
        Exchange(40, 1, True, ALL_OF_8),
    ]


def test_every_figure_has_its_source():
    for machine in MACHINES.values():
        figures = [*machine.peak.values(), machine.memory]
        figures += [level.bytes_per_second for level in machine.levels]
        assert all(figure.source.startswith("https://") for figure in figures)
        assert all(figure.published and figure.value > 0 for figure in figures)
    # What is not known for one device is the published figure divided.
    assert MACHINES["tpu_v3"].levels[0].bytes_per_second.value == pytest.approx(166e9, rel=0.01)


@pytest.mark.parametrize("word", ["tpu_v3", "a100:8", "h100:9", "h100:0"])
def test_predictions_that_are_not_possible(word):
    with pytest.raises(InputError, match=r"--predict=.* tpu_v3, h100 and 1 to --devices=8 dev"):
        scaling._parse_predictions([word], 8)


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_running_takes_no_flags_of_the_report():
    config = "--config=configs/srcnn.py:test"
    with pytest.raises(InputError, match=r"^--output has no effect with --run_steps, which trains"):
        runs.call(scaling, config, "--run_steps=1", "--output=report.json")
    with pytest.raises(InputError, match=r"^--num_classes, --predict have no effect with --run_s"):
        runs.call(scaling, config, "--run_steps=1", "--num_classes=3", "--predict=h100:8")
