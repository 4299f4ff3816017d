"""What the train command leaves behind however the loop ends; the loop itself is replaced."""

import json

import pytest

from jaxrepro import train
from jaxrepro.core import loop
from jaxrepro.core.errors import InputError
from jaxrepro.core.guard.non_finite import NonFiniteError
from jaxrepro.core.machine.preemption import Stopped
from jaxrepro.core.run import run_record
from jaxrepro.core.run.run_record import record_start
from jaxrepro.core.run.workdir import claimed, write_json
from jaxrepro.page import LivePage, write
from tests.test_task_contract import CONFIGS, load


class Flags:
    show_config = False
    resume = None
    resume_attempt = 1
    workdir_patience = 0
    coordinator = process_id = None
    num_processes = 1
    start_timeout = peer_timeout = 1

    def __init__(self, workdir):
        self.config = load(next(p for p in CONFIGS if p.stem == "biggan_digits"), "test")
        self.workdir = str(workdir)


@pytest.fixture
def ends_with(monkeypatch):
    """A function that makes the loop end with an error, or with results if it is None."""

    def set_end(error, recorded=True):
        def end(task, settings, workdir, resume, started, resume_attempt, data, written):
            # The page of a run that goes on is drawn in one process only.
            assert isinstance(written, LivePage)
            if recorded:
                record_start(workdir, 0)
            if error is not None:
                raise error
            results = {"digits/frechet_ratio": 1.25}
            write_json(workdir / "results.json", {"step": settings.total_steps, "results": results})
            return results

        monkeypatch.setattr(loop, "train", end)

    return set_end


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"resume_attempt": 2}, "--resume_attempt=2 given; .* is about --resume=STEP"),
        ({"resume": 4, "resume_attempt": 0}, "--resume_attempt=0 given; it must be 1 or more"),
        ({"workdir_patience": -1}, "--workdir_patience=-1 given; it must be 0 or more"),
    ],
)
def test_flags_out_of_range_are_said_before_anything_runs(flags, message, tmp_path):
    args = Flags(tmp_path / "run")
    vars(args).update(flags)
    with pytest.raises(InputError, match=message):
        train.main(args)
    assert not (tmp_path / "run").exists()


def outcome(workdir):
    (start,) = json.loads((workdir / "run.json").read_text())["starts"]
    return start["outcome"], start["message"]


def test_a_finished_run(ends_with, tmp_path, capsys):
    ends_with(None)
    train.main(Flags(tmp_path))
    assert outcome(tmp_path) == ("finished", "")
    out = capsys.readouterr().out
    assert out.index("1.25") < out.index("page.html")
    assert "1.25" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        (Stopped(7, 143), 143, ("stopped", "saved at step 7")),
        (NonFiniteError(20, 10, "loss/d not finite"), 1, ("failed", "loss/d not finite")),
    ],
    ids=["stopped", "failed"],
)
def test_a_run_that_ends_early(error, status, expected, ends_with, tmp_path):
    ends_with(error)
    with pytest.raises(SystemExit) as exit:
        train.main(Flags(tmp_path))
    assert exit.value.code == status
    assert outcome(tmp_path) == expected
    assert f"{expected[0]}: {expected[1]}" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InputError("cannot write metrics.jsonl"), ("failed", "cannot write metrics.jsonl")),
        (RuntimeError("out of\n  memory"), ("failed", "RuntimeError: out of memory")),
        (KeyboardInterrupt(), ("stopped", "interrupted before it could be saved")),
    ],
    ids=lambda x: type(x).__name__,
)
def test_an_error_is_recorded_and_goes_on(error, expected, ends_with, tmp_path):
    ends_with(error)
    with pytest.raises(type(error)) as raised:
        train.main(Flags(tmp_path))
    assert raised.value is error
    assert outcome(tmp_path) == expected
    assert f"{expected[0]}: {expected[1]}" in (tmp_path / "page.html").read_text()


def test_an_error_before_the_start_is_not_of_the_run_that_was_killed(ends_with, tmp_path):
    config = Flags(tmp_path).config
    with claimed(tmp_path, config):
        record_start(tmp_path, 0)  # And no end: killed.
    ends_with(InputError("no checkpoint of step 5"), recorded=False)
    with pytest.raises(InputError, match="step 5"):
        train.main(Flags(tmp_path))
    (start,) = json.loads((tmp_path / "run.json").read_text())["starts"]
    assert "ended" not in start


def test_an_end_that_cannot_be_recorded_hides_no_error(ends_with, tmp_path, monkeypatch):
    ends_with(InputError("the disk is full"))
    monkeypatch.setattr(run_record, "record_end", refuse)
    with pytest.raises(InputError, match="the disk is full"):
        train.main(Flags(tmp_path))


def refuse(*_):
    raise InputError("cannot write run.json")


@pytest.mark.parametrize(("error", "status"), [(None, 1), (Stopped(7, 143), 143)])
def test_a_page_that_fails_keeps_results_and_status(
    error, status, ends_with, tmp_path, capsys, monkeypatch
):
    ends_with(error)
    monkeypatch.setattr(write, "render", lambda *_: 1 / 0)
    with pytest.raises(SystemExit) as exit:
        train.main(Flags(tmp_path))
    assert exit.value.code == status
    captured = capsys.readouterr()
    assert "the page was not drawn: division by zero" in captured.err
    assert (tmp_path / "results.json").exists() == (error is None)
    assert ("1.25" in captured.out) == (error is None)
