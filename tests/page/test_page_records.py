"""What is read from a workdir, and how it stands beside published figures."""

import json

import numpy as np
import pytest

from jaxrepro.core.task import PublishedFigure, References
from jaxrepro.page import curves, published
from jaxrepro.page.records import config_name, options, read_run
from jaxrepro.page.summary import changed_settings, continuation, summarize


@pytest.fixture
def workdir(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps({"task": "biggan", "train": {"total_steps": 30}, "data": {"source": "digits"}})
    )
    return tmp_path


def write_metrics(workdir, *records):
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (workdir / "metrics.jsonl").write_text(lines + '{"step": 99, "cut o')


def start(step, **more):
    time = f"2026-11-20T10:{step:02}:00+00:00"
    return {"time": time, "step": step, "command": ["python", "x"]} | more


def test_training_and_evaluations_are_told_apart(workdir):
    write_metrics(
        workdir,
        {"step": 10, "loss/d": 2.0, "speed/examples_per_second": 5.0},
        {"step": 10, "m/fid": 9.0},
        {"step": 20, "loss/d": 1.0, "speed/examples_per_second": 6.0},
        {"step": 20, "m/fid": 7.0, "m/new": 1},
    )
    run = read_run(workdir)
    assert {s.name: s.values.tolist() for s in run.training} == {
        "loss/d": [2.0, 1.0],
        "speed/examples_per_second": [5.0, 6.0],
    }
    assert {s.name: s.steps.tolist() for s in run.evaluation} == {"m/fid": [10, 20], "m/new": [20]}
    assert (run.final.step, run.final.results) == (20, {"m/fid": 7.0, "m/new": 1.0})
    assert (run.step, run.finished) == (20, False)


def test_the_speed_of_a_run_begun_by_an_older_version_is_one_series(workdir):
    write_metrics(
        workdir,
        {"step": 10, "loss/d": 2.0, "speed/images_per_second": 5.0},
        {"step": 20, "loss/d": 1.0, "speed/examples_per_second": 6.0},
    )
    (_, speed) = read_run(workdir).training
    assert (speed.name, speed.values.tolist()) == ("speed/examples_per_second", [5.0, 6.0])


def test_progress_comes_from_checkpoints_too(workdir):
    for name in ("5", "25", "26.orbax-checkpoint-tmp"):
        (workdir / "checkpoints" / name).mkdir(parents=True)
    assert read_run(workdir).step == 25


def test_results_of_the_last_step_finish_a_run(workdir):
    for step, finished in ((20, False), (30, True)):
        (workdir / "results.json").write_text(json.dumps({"step": step, "results": {}}))
        assert read_run(workdir).finished == finished


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ({}, "not finished"),
        ({"ended": "2026-11-20T10:30:00+00:00", "outcome": "failed", "message": "NaN"}, "failed"),
        ({"ended": "2026-11-20T10:30:00+00:00", "outcome": "stopped", "message": ""}, "stopped"),
    ],
)
def test_state_and_time(last, state, workdir):
    first = start(0, ended="2026-11-20T10:02:00+00:00", outcome="stopped")
    (workdir / "run.json").write_text(json.dumps({"starts": [first, start(10, **last)]}))
    summary = summarize(read_run(workdir))
    assert summary.state == state
    # 2 minutes, and 20 from 10:10 to 10:30; unknown while an end is missing.
    assert summary.facts.get("Time training") == ("22 min 00 s" if last else None)
    assert summary.facts["Started"] == "2026-11-20 10:00 UTC"


def test_notes_on_the_data_are_those_of_the_last_start_that_describes_them(workdir):
    old, new = (
        {"data": {"data.source": {"fingerprint": "a", "notes": notes}, "data.validation": damaged}}
        for notes, damaged in ((["old"], {}), (["2 of 3", "2 of 3", "nose"], []))
    )
    starts = [start(0, **old), start(5, **new, other_data=["data.source holds"]), start(10)]
    (workdir / "run.json").write_text(json.dumps({"starts": starts}))
    assert summarize(read_run(workdir)).facts["Notes on the data"] == (
        "2 of 3; nose; from step 5 on data.source holds"
    )
    (workdir / "run.json").write_text(json.dumps({"starts": [start(0)]}))
    assert "Notes on the data" not in summarize(read_run(workdir)).facts


def test_config_name_from_a_command():
    assert config_name(["python", "--config=a.py:b,c=1", "--config.x=2"]) == "a.py:b,c=1"
    assert config_name(["--config", "a.py"]) == "a.py"
    assert config_name(["python"]) == ""
    assert options(["x", "-a=1", "--b", "2", "c"]) == {"a": "1", "b": "2"}
    assert options("no list") == {}


def test_what_the_command_changed_and_how_to_go_on(workdir):
    given = ["--config=a.py", "--config.data.source=digits", "--config.none=1", "--resume=3"]
    command = ["python", "-m", "jaxrepro.train", *given, "--config.train.total_steps=30"]
    (workdir / "run.json").write_text(json.dumps({"starts": [start(0) | {"command": command}]}))
    run = read_run(workdir)
    assert changed_settings(run) == ["train.total_steps", "data.source"]
    kept = "python -m jaxrepro.train --config=a.py --config.data.source=digits --config.none=1"
    assert continuation(run) == (
        "Continue where it stopped",
        f"{kept} --config.train.total_steps=30",
    )
    (workdir / "results.json").write_text(json.dumps({"step": 30, "results": {}}))
    assert continuation(read_run(workdir))[1] == f"{kept} --config.train.total_steps=60"
    (workdir / "run.json").unlink()
    assert continuation(read_run(workdir)) is None and changed_settings(read_run(workdir)) == []


def test_a_long_command_is_one_option_a_line(workdir):
    command = [
        "python",
        "-m",
        "jaxrepro.train",
        "--config=a.py",
        f"--workdir={'x' * 90}",
        "--k=a b",
        "--resume=5",
        "--resume_attempt=2",
    ]
    (workdir / "run.json").write_text(json.dumps({"starts": [start(0) | {"command": command}]}))
    assert summarize(read_run(workdir)).command.splitlines() == [
        "python -m jaxrepro.train \\",
        "    --config=a.py \\",
        f"    --workdir={'x' * 90} \\",
        "    '--k=a b'",
    ]


@pytest.mark.parametrize(
    ("own", "matches", "sentence"),
    [
        ("metrics/fid@50000", True, "Both: 50,000 samples."),
        ("metrics/fid@1000", True, "The protocols differ"),
        ("metrics/fid", True, "The protocols differ"),
        ("metrics/fid2@50000", False, ""),
    ],
)
def test_published_figures_match_by_the_text_before_the_at_sign(own, matches, sentence, workdir):
    write_metrics(workdir, {"step": 10, own: 30.0})
    row = PublishedFigure("metrics/fid@50000", 8.5, "p", "s")
    known = References((row,), after_at={"metrics": "{} samples"})
    first, *others = published.results(read_run(workdir), known)
    assert (first.name, first.value, len(first.published)) == (own, 30.0, matches)
    assert all(one.verdict.startswith(sentence) for one in first.published)
    # What nobody measured stands by itself.
    assert [(one.name, one.value) for one in others] == [(row.name, None)] * (not matches)


def test_later_evaluations_join_the_curve(workdir):
    write_metrics(workdir, {"step": 10, "m/fid": 9.0}, {"step": 30, "m/fid": 5.0})
    (workdir / "evaluations.jsonl").write_text(
        '{"step": 20, "results": {"m/fid": 7.0}}\n{"step": 30, "results": {"m/fid": 1.0}}\n'
    )
    (series,) = curves._with_repeated(read_run(workdir))
    np.testing.assert_array_equal([series.steps, series.values], [[10, 20, 30], [9.0, 7.0, 5.0]])


def test_results_without_samples_compare_by_their_protocol(workdir):
    write_metrics(workdir, {"step": 10, "set5/psnr": 30.0})
    row = PublishedFigure("set5/psnr", 32.39, "p", "s")
    (result,) = published.results(read_run(workdir), References((row,)))
    assert result.published[0].verdict == "They compare where data and protocol agree."


def test_what_follows_the_at_sign_is_what_the_task_says(workdir):
    known = References(after_at={"a": "{} samples", "a/pckh": "within {} of the head"})
    assert published.condition("a/pckh@0.5", known) == "within 0.5 of the head"
    assert published.condition("a/fid@50000:net", known) == "50,000 samples, network net"
    # What nobody says is not claimed.
    assert published.condition("b/x@3:net", known) == "network net"
    assert published.condition("b/x@3", None) == ""


def test_a_result_says_what_its_evaluator_measured_and_no_other_configs(workdir):
    write_metrics(workdir, {"step": 10, "validation/pck@0.2": 50.0, "other/x": 1.0})
    lines = [
        {"step": 10, "results": {"validation/new": 1.0}},
        {"step": 10, "results": {"validation/by_other": 1.0}, "command": ["x", "--config=y.py"]},
    ]
    (workdir / "evaluations.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    known = References(measured_on={"validation": "20 people of figures; crops"})
    rows = {r.name: r.measured_on for r in published.results(read_run(workdir), known)}
    assert rows == {
        "validation/pck@0.2": "20 people of figures; crops",
        "other/x": "",
        "validation/by_other": "",
        "validation/new": "20 people of figures; crops",
    }


LEVELS = References(
    descriptions={"v/psnr": "decibels"},
    levels={"v/psnr": {"filling": "base/psnr"}, "v/l1": {"filling": "base/l1"}},
    targets={"v/l1": {"real": "real/l1"}},
    better={"v/psnr": "higher", "v/l1": "lower"},
    headline="v/psnr",
)


@pytest.mark.parametrize(
    ("psnr", "l1", "sentence"),
    [
        (20.0, 0.1, ""),
        (19.16, 0.2, ""),
        (13.97, 0.1, "Worse than without a network: v/psnr is 13.97, that of filling 19.16"),
        (13.97, 0.3, "(higher is better). Likewise v/l1."),
        (20.0, 0.3, "Worse than without a network: v/l1 is 0.3, that of filling 0.2 (lower is"),
        (float("nan"), 0.1, ""),
    ],
)
def test_a_run_below_its_baseline_says_so(psnr, l1, sentence, workdir):
    levels = {"base/psnr": 19.16, "base/l1": 0.2, "real/l1": 0.0}
    write_metrics(workdir, {"step": 10, "v/l1": l1, "v/psnr": psnr, **levels})
    rows = published.results(read_run(workdir), LEVELS)
    # One row a result; the baselines stand in it.
    assert [row.name for row in rows] == ["v/l1", "v/psnr"]
    first = published.headline(rows, LEVELS)
    assert first.name == "v/psnr"
    told = published.worse_than_baselines(rows, first)
    assert sentence in told if sentence else told == ""
    assert [(b.method, b.better) for b in rows[0].baselines] == [
        ("filling", l1 > 0.2),
        ("real", None),
    ]


def test_which_is_better_is_not_guessed(workdir):
    write_metrics(workdir, {"step": 10, "v/psnr": 1.0, "base/psnr": 2.0})
    rows = published.results(read_run(workdir), References(levels=LEVELS.levels))
    assert rows[0].baselines[0].better is None
    assert published.worse_than_baselines(rows, rows[0]) == ""


def test_the_ends_of_an_interval_stand_in_its_row(workdir):
    write_metrics(workdir, {"step": 1, "v/x@0.5": 3.0, "v/x_low@0.5": 2.0, "v/x_high@0.5": 4.0})
    (row,) = published.results(read_run(workdir), None)
    assert (row.value, row.interval) == (3.0, (2.0, 4.0))
    write_metrics(workdir, {"step": 1, "v/x@0.5": 3.0, "v/x_low@0.5": 2.0})
    assert len(published.results(read_run(workdir), None)) == 2


def test_levels_are_lines_of_another_plot(workdir):
    write_metrics(
        workdir,
        {"step": 10, "set5/psnr": 29.0, "set5/psnr_bicubic": 30.25, "other/psnr": 1.0},
        {"step": 20, "set5/psnr": 31.0, "set5/psnr_bicubic": 30.25, "other/psnr": 2.0},
    )
    levels = {
        "set5/psnr": {"bicubic": "set5/psnr_bicubic", "linear": "set5/psnr_linear"},
        "absent": {"other": "other/psnr"},
    }
    run = read_run(workdir)
    first, second = curves.evaluation_plots(run, References(levels=levels))
    assert [(key.text, key.value, key.dashed) for key in first.keys] == [
        ("set5/psnr", "31", False),
        ("bicubic", "30.25", True),
    ]
    assert second.title == "other/psnr"
    assert first.svg.count("stroke-dasharray") == 1
    plain = curves.evaluation_plots(run, References())
    assert [plot.title for plot in plain] == ["set5/psnr", "set5/psnr_bicubic", "other/psnr"]
    assert "stroke-dasharray" not in plain[0].svg
