"""Arms are run by ordinary commands; here small programs in place of training."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from jaxrepro.evidence import running
from jaxrepro.evidence.claim import Arm, Claim, Result
from jaxrepro.evidence.records import read_record
from jaxrepro.evidence.rules import Between
from jaxrepro.evidence.running import jobs_of, run_jobs

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Writes its number to --output and a line to calls.txt; waits, or fails, if it is told so.
VERB = """
import json, os, pathlib, signal, sys, time

given = dict(flag.removeprefix("--").split("=", 1) for flag in sys.argv[1:])
with open("calls.txt", "a") as calls:
    calls.write(given["n"] + "\\n")
if given.get("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if given.get("wait"):
    pathlib.Path("waiting").write_text(str(os.getpid()))
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
if given.get("fail"):
    sys.exit("too small a number")
output = pathlib.Path(given["output"])
output.write_text(json.dumps({"n": float(given["n"]), "twice": 2 * float(given["n"])}))
"""
OWN = """
from jaxrepro.evidence.claim import Arm, Claim, Result
from jaxrepro.evidence.rules import Between

CLAIMS = (
    Claim(
        "lab/waits", "It ends.", "us",
        tuple(
            Arm(
                f"a{n}", verb="small_verb", flags=(f"--n={n}", *wait), values={"n": "/n"},
                minutes=n, seeded=False,
            )
            for n, wait in ((1, ()), (2, ("--wait=1",)), (3, ()))
        ),
        (Result("n"),), Between("a3", "n", low=3),
    ),
)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "small_verb.py").write_text(VERB)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arm(n, *flags, label=None, minutes=1.0, result="n"):
    return Arm(
        label or f"a{n}",
        verb="small_verb",
        flags=(f"--n={n}", *flags),
        values={result: f"/{result}"},
        minutes=minutes,
    )


def claim(*arms, name="lab/x", result="n"):
    rule = Between(arms[-1].label, result, low=1)
    return Claim(name, "So.", "us", arms, (Result(result),), rule)


def run(claims, place, *, minutes=None, data=None):
    said = []
    results, runs = place / "results", place / "runs"
    jobs = jobs_of(claims, results, runs, data=data)
    failed = run_jobs(jobs, results, minutes=minutes, say=said.append)
    return [job.arm.label for job in failed], said


def calls(place):
    path = place / "calls.txt"
    return path.read_text().split() if path.exists() else []


def measured(claim, place):
    record = read_record(claim, place / "results")
    return {label: one.values["n"].mean for label, one in record.arms.items()}


def test_the_cheapest_arm_comes_first_and_each_is_kept(place):
    claims = (claim(arm(5, minutes=5), arm(1, minutes=1)), claim(arm(3, minutes=3), name="lab/y"))
    failed, said = run(claims, place)
    assert (failed, calls(place)) == ([], ["1", "3", "5"])
    assert said[0] == "[1/3] lab/x, a1: about 1 minutes, all that is left 9"
    assert measured(claims[0], place) == {"a1": 1, "a5": 5}
    entry = json.loads((place / "results" / "lab" / "x.json").read_text())
    assert entry["claim"] == "lab/x"
    assert entry["arms"]["a1"]["command"].startswith("python -m small_verb --n=1 --output=runs/")
    assert 0 <= entry["arms"]["a1"]["cpu_seconds"] <= entry["arms"]["a1"]["seconds"] + 1
    assert str(place) not in json.dumps(entry)
    # Nothing is measured twice.
    assert run(claims, place) == ([], [])


def test_arms_of_one_command_share_its_run(place):
    claims = (
        claim(arm(4), name="lab/x"),
        claim(arm(4, result="twice"), name="lab/y", result="twice"),
    )
    run(claims, place)
    assert calls(place) == ["4"]
    record = read_record(claims[1], place / "results")
    assert record.values("a4", "twice").mean == 8
    assert claims[0].minutes == 1


def test_a_failed_arm_is_named_with_its_log_and_nothing_is_lost(place):
    one = claim(arm(1, minutes=1), arm(2, "--fail=1", minutes=2), arm(3, minutes=3))
    failed, said = run((one,), place)
    assert failed == ["a2"]
    (line,) = [line for line in said if "failed with" in line]
    assert "failed with status 1: too small a number (see " in line
    log = pathlib.Path(line.rpartition("(see ")[2].removesuffix(")"))
    assert log.read_text() == "too small a number\n"
    assert measured(one, place) == {"a1": 1, "a3": 3}
    # The failed one alone is tried again.
    run((one,), place)
    assert calls(place) == ["1", "2", "3", "2"]


def test_it_stops_at_the_minutes_and_continues(place):
    one = claim(arm(1, minutes=1), arm(2, "--wait=1", minutes=2), arm(3, minutes=3))
    _, said = run((one,), place, minutes=3 / 60)
    assert said[-1] == "0.05 minutes are over: a2 saved what it has; run it again"
    assert measured(one, place) == {"a1": 1}
    (place / "go").touch()
    run((one,), place)
    assert measured(one, place) == {"a1": 1, "a2": 2, "a3": 3}
    assert calls(place) == ["1", "2", "2", "3"]


def test_a_command_that_does_not_end_is_killed(place, monkeypatch):
    monkeypatch.setattr(running, "_PATIENCE", 0.3)
    one = claim(arm(1, "--wait=1", "--deaf=1", minutes=1), arm(2, minutes=2))
    failed, said = run((one,), place, minutes=3 / 60)
    assert failed == []
    assert "minutes are over: a1" in said[-1]
    assert gone(int((place / "waiting").read_text()))
    (place / "go").touch()
    run((one,), place)
    assert measured(one, place) == {"a1": 1, "a2": 2}


def test_arms_that_need_data_wait_for_it(place):
    needs = claim(arm(1, "--from={data}/x"), name="lab/needs")
    assert run((needs,), place) == ([], [])
    _, said = run((needs,), place, data=str(place / "sets"))
    assert "--from=DATA/x" in said[1]
    assert measured(needs, place) == {"a1": 1}


def gone(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the command goes on")
def test_killed_in_the_middle_it_leaves_no_command_and_continues(place):
    (place / "own.py").write_text(OWN)
    command = [sys.executable, "-m", "jaxrepro.claims", "--claims=own.py", "--results=results"]
    command += ["--run=lab/*"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        waiting = place / "waiting"
        while not (waiting.exists() and waiting.read_text()):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    verb = int(waiting.read_text())
    deadline = time.monotonic() + 20
    while not gone(verb):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert calls(place) == ["1", "2"]
    (place / "go").touch()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "lab/waits: holds here; a3, n: 3"
    assert calls(place) == ["1", "2", "2", "3"]
