import dataclasses
import json

import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.guard.collapse import Collapse, CollapseMemory, latest_jump
from jaxrepro.core.reports.writers import JsonLines
from jaxrepro.core.task import Guard

GUARD = Guard(
    action="stop",
    watched="^sigma/g/",
    factor=2.0,
    window=4,
    start=50,
    metric="metrics/frechet",
    worse=3.0,
    max_rollbacks=2,
)


def records(*values, name="sigma/g/a/0", every=10):
    return [{"step": every * (i + 1), name: value} for i, value in enumerate(values)]


def test_what_came_before_the_first_full_window_is_not_known_to_be_healthy():
    assert latest_jump(records(1, 1, 1, 1, 9, every=20), GUARD).healthy_step == 0


def test_a_jump_is_above_the_median_of_the_window():
    calm = records(1.0, 1.1, 0.9, 1.0, 1.2, 1.9)
    assert latest_jump(calm, GUARD) is None
    jump = latest_jump(records(1.0, 1.1, 0.9, 1.0, 1.2, 2.2), GUARD)
    # The median of 1.1, 0.9, 1.0 and 1.2 is 1.05.
    assert (jump.step, jump.name, jump.healthy_step) == (60, "sigma/g/a/0", 50)
    assert jump.ratio == pytest.approx(2.2 / 1.05)


def test_the_one_that_grew_most_is_named_and_growth_before_is_not_healthy():
    # From 1.6 times on a value is suspect: the last healthy measurement is that of step 50.
    slow = [1.0, 1.0, 1.0, 1.0, 1.0, 1.6, 1.6, 3.2]
    rows = [
        {**a, **b}
        for a, b in zip(records(*slow), records(1, 1, 1, 1, 1, 1, 1, 9, name="sigma/g/b/0"))
    ]
    jump = latest_jump(rows, GUARD)
    assert (jump.step, jump.name, jump.ratio, jump.healthy_step) == (80, "sigma/g/b/0", 9, 50)


def test_nothing_is_judged_too_early_or_with_too_little_before():
    assert latest_jump(records(1, 1, 1, 1, 9)[:4], GUARD) is None
    assert latest_jump(records(1, 1, 1, 1, 9, every=1), GUARD) is None
    assert latest_jump(records(1, 1, 9, every=100), GUARD) is None
    assert latest_jump([], GUARD) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_a_jump(value):
    assert latest_jump(records(1, 1, 1, 1, value), GUARD).ratio == float("inf")


def test_observing_names_layer_and_step(tmp_path):
    memory = CollapseMemory(GUARD, tmp_path)
    for record in records(1, 1, 1, 1, 1.2):
        memory.observe(record["step"], {**record, "loss/d": 100.0, "sigma/d/x/0": 50.0})
    with pytest.raises(
        Collapse,
        match=r"collapse at step 60, first in sigma/g/a/0: it is 5\.00 times the median of the 4",
    ) as raised:
        memory.observe(60, {"sigma/g/a/0": 5.0})
    assert (raised.value.step, raised.value.healthy_step) == (60, 50)


def test_a_guard_that_is_off_says_nothing(tmp_path):
    memory = CollapseMemory(dataclasses.replace(GUARD, action="off"), tmp_path)
    for record in records(1, 1, 1, 1, 1, 99):
        memory.observe(record["step"], record)
    assert memory.rule is None
    assert not memory.judge(60, {"metrics/frechet": 1e9})


def test_a_resumed_run_remembers_what_was_logged(tmp_path):
    writer = JsonLines(tmp_path / "metrics.jsonl")
    for record in records(1, 1, 1, 1, 1, 1):
        writer.write(record["step"], {"sigma/g/a/0": record["sigma/g/a/0"], "loss/g": 3.0})
    writer.close()
    memory = CollapseMemory(GUARD, tmp_path)
    memory.recall(50)
    with pytest.raises(Collapse, match="at step 60"):
        memory.observe(60, {"sigma/g/a/0": 4.0})


def test_the_best_result_is_remembered_and_a_far_worse_one_is_a_collapse(tmp_path):
    writer = JsonLines(tmp_path / "metrics.jsonl")
    memory = CollapseMemory(GUARD, tmp_path)
    name = "metrics/frechet@1000:net"

    def judge(step, value):
        writer.write(step, {name: value, "metrics/recall": 0.5})
        return memory.judge(step, {name: value, "metrics/recall": 0.5})

    assert not judge(50, float("nan"))
    assert judge(100, 4.0)
    assert not judge(200, 5.0)
    assert judge(300, 2.0)
    assert memory.best_step == 300
    for step, value in ((300, 1.0), (310, 1.1), (400, 1.6), (410, 1.9)):
        memory.observe(step, {"sigma/g/a/0": 1.0, "sigma/g/late/0": value})
    message = (
        r"frechet@1000:net is 6.5, more than 3 times the best, 2 at step 300; of the watched "
        r"quantities sigma/g/late/0 grew first since: 1\.60 times by step 400"
    )
    with pytest.raises(Collapse, match=message):
        judge(400, 6.5)
    with pytest.raises(Collapse, match="is nan"):
        judge(500, float("nan"))
    with pytest.raises(
        InputError, match="guard.metric='metrics/frechet' is no result.*metrics/fid"
    ):
        memory.judge(600, {"metrics/fid@1000:net": 4.0})
    writer.close()
    again = CollapseMemory(GUARD, tmp_path)
    for recalled, best in ((500, 300), (299, 100), (99, None)):
        again.recall(recalled)
        assert again.best_step == best


@pytest.mark.parametrize("content", ['{"events": 3}', '{"best": null}', "[]", '{"events": [4]}'])
def test_a_damaged_guard_file_is_named(content, tmp_path):
    (tmp_path / "guard.json").write_text(content)
    with pytest.raises(InputError, match="guard.json"):
        CollapseMemory(GUARD, tmp_path)


def test_events_are_counted_and_kept(tmp_path):
    memory = CollapseMemory(GUARD, tmp_path)
    memory.report(60, "collapse", "first in a")
    memory.report(60, "rollback", "to 50")
    assert CollapseMemory(GUARD, tmp_path).num_rollbacks == 1
    events = json.loads((tmp_path / "guard.json").read_text())["events"]
    assert [e["kind"] for e in events] == ["collapse", "rollback"]
