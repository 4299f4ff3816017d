"""Two processes that train one run: the same numbers, one writer, and a common end."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.files.strict_json import json_digest
from jaxrepro.core.reports.writers import read_json_lines
from tests import runs

CONFIG = (
    "--config=configs/srcnn.py:test",
    "--config.checkpoint.every=2",
    "--config.eval.every=0",
    "--config.eval.pictures_every=0",
    # Divides neither over two processes nor over four devices.
    "--config.eval.batch_size=7",
)
STEPS = 4
SHORT = (*CONFIG, f"--config.train.total_steps={STEPS}")
ENDLESS = (*CONFIG, "--config.train.total_steps=1000000")
# Two processes that wait for each other need two cores; a busy machine gives less.
LIMIT_SECONDS = 240


class Launch:
    """A run of launch/local_multiprocess.py with 2 processes of 2 devices."""

    def __init__(self, *arguments):
        command = [sys.executable, "launch/local_multiprocess.py", "--num_processes=2"]
        self.process = subprocess.Popen(
            [*command, "--devices_per_process=2", "--", *arguments],
            cwd=runs.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.text = ""
        self.limit = threading.Timer(LIMIT_SECONDS, self.process.kill)
        self.limit.daemon = True
        self.limit.start()

    def wait_for(self, pattern):
        """Returns the match in the first line that has one."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.text += line
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"{pattern} did not come: {self.text}")

    def end(self):
        """Returns (exit status, all that was printed)."""
        assert self.process.stdout is not None
        with self.process.stdout:
            self.text += self.process.stdout.read()
        self.limit.cancel()
        return self.process.wait(), self.text


def start_both(*arguments, of_each=((), ())):
    """Starts two processes of a job without a launcher; each has an argument of its own."""
    job = (f"--coordinator=localhost:{runs.free_port()}", "--num_processes=2")
    return [
        runs.start("jaxrepro.train", *arguments, *job, f"--process_id={i}", *own)
        for i, own in enumerate(of_each)
    ]


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory):
    """Workdirs of the same run on 2 x 2, 1 x 4 and 1 x 1 devices, and what the first printed."""
    folder = tmp_path_factory.mktemp("runs")
    launch = Launch(*SHORT, f"--workdir={folder / '2x2'}")
    alone = [
        runs.start("jaxrepro.train", *SHORT, f"--workdir={folder / name}", devices=devices)
        for name, devices in (("1x4", 4), ("1x1", 1))
    ]
    for process in alone:
        out, err = process.communicate(timeout=LIMIT_SECONDS)
        assert process.returncode == 0, out + err
    status, text = launch.end()
    assert status == 0, text
    return folder, text


def losses(workdir):
    records = read_json_lines(workdir / "metrics.jsonl")
    name = "loss/mean_squared_error"
    return {r["step"]: r[name] for r in records if name in r}


def test_the_numbers_do_not_depend_on_processes_and_devices(three_runs):
    folder, _ = three_runs
    expected = losses(folder / "1x1")
    assert sorted(expected) == [1, 2, 3, 4]
    assert len(set(expected.values())) == STEPS
    results = json.loads((folder / "1x1" / "results.json").read_text())["results"]
    assert losses(folder / "2x2") == pytest.approx(losses(folder / "1x4"), rel=1e-6)
    for name in ("2x2", "1x4"):
        assert losses(folder / name) == pytest.approx(expected, rel=2e-5)
        other = json.loads((folder / name / "results.json").read_text())["results"]
        assert other == pytest.approx(results, rel=1e-4)


def test_a_checkpoint_of_two_processes_is_read_by_one(three_runs):
    folder, _ = three_runs
    ours, theirs = runs.leaves(folder / "2x2", STEPS), runs.leaves(folder / "1x1", STEPS)
    assert ours.keys() == theirs.keys()
    for name, leaf in ours.items():
        np.testing.assert_allclose(leaf, theirs[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_only_process_0_prints_and_writes(three_runs):
    folder, text = three_runs
    assert f"[0] step {STEPS}/{STEPS}" in text
    of_the_second = [line for line in text.splitlines() if line.startswith("[1]")]
    assert of_the_second == []
    (start,) = json.loads((folder / "2x2" / "run.json").read_text())["starts"]
    assert (start["devices"]["count"], start["devices"]["processes"]) == (4, 2)
    assert start["outcome"] == "finished"
    records = read_json_lines(folder / "2x2" / "metrics.jsonl")
    assert [r["step"] for r in records] == [1, 2, 3, 4, 4]
    files = [sorted(os.listdir(folder / name)) for name in ("2x2", "1x1")]
    assert files[0] == files[1]
    assert len(os.listdir(folder / "2x2" / "tb")) == 1


def test_sigterm_to_one_of_two_saves_what_one_process_began(three_runs):
    folder, _ = three_runs
    # The start before went back to step 2 already: both processes learn it and continue.
    (start,) = json.loads((folder / "1x1" / "run.json").read_text())["starts"]
    config = json.loads((folder / "1x1" / "config.json").read_text())
    config["train"]["total_steps"] = 1000000
    start |= {"resume": 2, "resume_attempt": 1, "all_keys_sha256": json_digest(config)}
    (folder / "1x1" / "run.json").write_text(json.dumps({"starts": [start]}))
    launch = Launch(*ENDLESS, f"--workdir={folder / '1x1'}", "--resume=2")
    second = int(launch.wait_for(r"process 1 has the pid (\d+)")[1])
    launch.wait_for(f"went back to step 2 already: going on from step {STEPS}; .*_attempt=2")
    launch.wait_for(f"continuing from the checkpoint of step {STEPS}")
    launch.wait_for(r"\[0\] step \d+/1000000")
    os.kill(second, signal.SIGTERM)
    status, text = launch.end()
    assert status == 143, text
    step = int(re.search(r"stopped and saved at step (\d+)", text)[1])
    with Checkpoints(folder / "1x1", read_only=True) as checkpoints:
        assert checkpoints.steps[-1] == step > STEPS
    first, second = json.loads((folder / "1x1" / "run.json").read_text())["starts"]
    assert (first["outcome"], second["outcome"]) == ("finished", "stopped")
    assert second["step"] == STEPS


def test_a_process_that_dies_ends_the_job(tmp_path):
    launch = Launch(*ENDLESS, f"--workdir={tmp_path / 'run'}")
    first, second = (int(launch.wait_for(rf"process {i} has the pid (\d+)")[1]) for i in range(2))
    launch.wait_for(r"\[0\] step \d+/1000000")
    os.kill(first, signal.SIGKILL)
    killed = time.monotonic()
    status, text = launch.end()
    assert status == 128 + signal.SIGKILL
    assert time.monotonic() - killed < 30
    assert text.splitlines()[-1] == (
        "[launch] error: process 0 was killed by SIGKILL; the others were ended. The same command "
        "continues from the last checkpoint"
    )
    assert "Traceback" not in text
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def test_without_a_launcher_a_lost_process_ends_the_other_in_bounded_time(tmp_path):
    workdir = tmp_path / "run"
    both = start_both(*ENDLESS, f"--workdir={workdir}", "--peer_timeout=3")
    runs.interrupt_after(both[1], workdir / "checkpoints" / "2", signal.SIGKILL)
    lost_at = time.monotonic()
    _, err = both[0].communicate(timeout=LIMIT_SECONDS)
    assert time.monotonic() - lost_at < 40
    assert both[0].returncode in (75, -signal.SIGABRT), err
    assert "another process of this job ended" in err or "another task died" in err


def test_an_error_of_one_process_ends_all_with_one_message(tmp_path):
    workdir = f"--workdir={tmp_path / 'run'}"
    both = start_both(*SHORT, workdir, of_each=(["--config.seed=0"], ["--config.seed=1"]))
    began = time.monotonic()
    ended = [(*process.communicate(timeout=LIMIT_SECONDS), process.returncode) for process in both]
    assert time.monotonic() - began < 50  # It was told, and did not wait for a sign of life.
    assert [status for _, _, status in ended] == [1, 1], ended
    messages = [line for _, err, _ in ended for line in err.splitlines()]
    assert len(messages) == 1, messages
    assert "process 1 of 2" in messages[0]
    assert "another config than process 0 (seed: 0 -> 1)" in messages[0]


def test_a_process_that_never_comes_up_ends_the_job(tmp_path):
    for process_id in (0, 1):
        began = time.monotonic()
        result = runs.run(
            "jaxrepro.train",
            *(*SHORT, f"--workdir={tmp_path / 'run'}", "--num_processes=2", "--start_timeout=1"),
            *(f"--process_id={process_id}", f"--coordinator=localhost:{runs.free_port()}"),
        )
        assert result.returncode == 75
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"error: process {process_id} on ")
        assert "not all 2 processes of this job came up within 1 s" in line
        assert time.monotonic() - began < 60
    assert not (tmp_path / "run").exists()
