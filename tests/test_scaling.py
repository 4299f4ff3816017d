"""The prediction of `benchmarks.scaling`, by numbers worked out by hand."""

import pytest

from benchmarks import scaling
from benchmarks.chip_figures import MACHINES, Figure, Level
from benchmarks.scaling_prediction import Exchange, all_reduce_seconds, predict
from jaxrepro.core.errors import InputError


def level(num_devices, bytes_per_second):
    return Level(num_devices, Figure(bytes_per_second, "", ""))


def test_all_reduce_on_one_level():
    assert all_reduce_seconds(100.0, 4, [level(0, 50.0)], 0.25) == 2 * 3 / 4 * 100 / 50 + 0.25
    assert all_reduce_seconds(100.0, 1, [level(0, 50.0)], 0.25) == 0


def test_all_reduce_on_two_levels():
    """Within four, a ring; then each of them, for its quarter, among the eight groups."""
    levels = [level(4, 100.0), level(0, 10.0)]
    inner, outer = 2 * 3 / 4 * 80 / 100, 2 * 7 / 8 * 20 / 10
    assert all_reduce_seconds(80.0, 32, levels, 0.5) == pytest.approx(inner + outer + 2 * 0.5)
    assert all_reduce_seconds(80.0, 4, levels, 0.5) == pytest.approx(inner + 0.5)


def test_prediction():
    exchanges = [Exchange(40.0, 3, waits=True), Exchange(200.0, 1, waits=False)]
    shown = predict(
        600.0, exchanges, 2, peak=1000.0, utilisation=0.5, levels=[level(0, 100.0)], latency=0.1
    )
    # 600 / (1000 * 0.5) = 1.2; 3 * (40 / 100 + 0.1) = 1.5; 200 / 100 + 0.1 = 2.1.
    assert shown.without_overlap == pytest.approx(1.2 + 1.5 + 2.1)
    assert shown.with_overlap == pytest.approx(1.5 + 2.1)
    assert shown.as_json()["efficiency_without_overlap"] == pytest.approx(1.2 / 4.8)
    assert shown.as_json()["efficiency_with_overlap"] == pytest.approx(1.2 / 3.6)


def test_statistics_are_waited_for_and_gradients_are_not():
    one = {"kind": "all-reduce", "groups": "1 of 8", "times": 2}
    parts = {"gradients": 600, "losses and logs": 8, "batch statistics": 32}
    gathered = {
        "kind": "all-gather",
        "groups": "1 of 8",
        "times": 1,
        "bytes_by_part": {"other": 80},
    }
    found = scaling.exchanges_of([{**one, "bytes_by_part": parts}, gathered])
    # An all-gather sends half of what an all-reduce of its result would.
    assert found == [Exchange(16, 2, True), Exchange(304, 2, False), Exchange(40, 1, True)]


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
