"""The loop on a Task of one number: the best checkpoint, stops within an evaluation, full disks."""

import json
import os
import resource
import signal
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.checkpoints.best import BestRule, best_step
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.errors import InputError
from jaxrepro.core.loop import LoopSettings, train
from jaxrepro.core.machine.preemption import Stopped
from jaxrepro.core.reports import writers
from jaxrepro.core.run.workdir import read_json, write_json
from jaxrepro.core.state import Net, TrainState
from jaxrepro.core.task import BatchSpec, Every, Image
from jaxrepro.data.padding import padded_batches

# Of the state after so many updates: the highest are those of the steps 4 and 12.
CURVE = np.asarray([0, 0, 3, 0, 9, 0, 5, 0, 7, 0, 1, 0, 9], np.float32)


class Curve:
    """An evaluator that reads the state's step off CURVE; `on_batch` is called for each batch."""

    every = Every(2)
    batch_size = 8

    def __init__(self, on_batch=lambda: None):
        self.on_batch = on_batch

    def data(self, process, num_processes):
        for batch in padded_batches({"x": np.zeros(24)}, self.batch_size, process, num_processes):
            self.on_batch()
            yield batch

    def step(self, state, batch, key):
        return {"y": jnp.asarray(CURVE)[state.step] + 0 * batch["x"]}

    def init(self):
        return []

    def merge(self, acc, out):
        return [*acc, *out["y"]]

    def finish(self, acc):
        assert len(acc) == 24
        return {"height@24": float(np.mean(acc)), "sheet": Image(np.zeros((8, 8, 1), np.uint8))}


class Counting:
    """Counts its updates; a moving weight makes the checkpoints differ."""

    def __init__(self, on_batch=lambda: None):
        self.batch_spec = {"x": BatchSpec((8,), np.float32)}
        self.curve = Curve(on_batch)

    def train_data(self, start_step, process, num_processes):
        while True:
            yield {"x": np.ones(8 // num_processes, np.float32)}

    def init(self, key):
        net = Net({"w": jax.random.normal(key, (64,))}, {}, ())
        return TrainState(jnp.zeros((), jnp.int32), key, {"model": net}, {})

    def train_step(self, state, batch):
        net = state.nets["model"]
        params = {"w": net.params["w"] + batch["x"].mean()}
        nets = {"model": net.replace(params=params)}
        return state.replace(step=state.step + 1, nets=nets), {"loss/w": params["w"].mean()}

    def partition(self):
        return ()

    def evaluators(self):
        return {"curve": self.curve}

    def model_card(self):
        return {"paper": "counting"}


def settings(total=12, metric="curve/height", keep=1, every=4):
    rule = BestRule(metric, "max") if metric else None
    return LoopSettings(0, total, Every(every), keep, 0, Every(1), 0, 1, rule)


def saved(workdir):
    with Checkpoints(workdir, read_only=True) as checkpoints:
        for step in checkpoints.steps:
            checkpoints.check_intact(step)
        return checkpoints.steps


def heights(workdir):
    lines = writers.read_json_lines(workdir / "metrics.jsonl")
    return {r["step"]: r["curve/height@24"] for r in lines if "curve/height@24" in r}


def test_the_best_checkpoint_is_kept_remembered_and_found(tmp_path, capsys):
    train(Counting(), settings(total=8), tmp_path)
    # Saved at every evaluation, for the best may be any of them.
    assert saved(tmp_path) == [4, 8]
    # A continuation knows it without having seen it; the last is as high and comes too late.
    train(Counting(), settings(total=12), tmp_path)
    assert saved(tmp_path) == [4, 12]
    printed = capsys.readouterr().out
    assert "continuing from the checkpoint of step 8 in" in printed
    assert "best curve/height@24: 9 at step 4" in printed
    write_json(tmp_path / "config.json", {"checkpoint": {"best_metric": "", "best_mode": "max"}})
    with pytest.raises(InputError, match="trained without checkpoint.best_metric; .* 4, 12"):
        best_step(tmp_path, [4, 12])
    rule = {"best_metric": "curve/height", "best_mode": "max"}
    write_json(tmp_path / "config.json", {"checkpoint": rule})
    assert best_step(tmp_path, [4, 12]) == 4
    assert best_step(tmp_path, [12]) == 12
    rule["best_mode"] = "min"
    write_json(tmp_path / "config.json", {"checkpoint": rule})
    # Steps without a checkpoint do not count.
    assert best_step(tmp_path, [8, 12]) == 8
    # What was measured after the step that one goes back to is forgotten.
    train(Counting(), settings(total=10), tmp_path, resume=4)
    assert saved(tmp_path) == [4, 10]
    # The same command continues, though another length than that of the start before is wanted.
    train(Counting(), settings(total=12), tmp_path, resume=4)
    assert saved(tmp_path) == [4, 12]
    starts = read_json(tmp_path / "run.json")["starts"]
    assert [(start["step"], start["resume"]) for start in starts] == [
        *((0, None), (8, None)),
        *((4, 4), (10, 4)),
    ]


def test_a_misspelt_metric_names_those_that_exist(tmp_path):
    with pytest.raises(InputError, match="no evaluation 'crve'; the metric is one of curve/"):
        train(Counting(), settings(metric="crve/height"), tmp_path / "a")
    with pytest.raises(
        InputError, match="'curve/heigth' is no result .* there are curve/height@24"
    ):
        train(Counting(), settings(metric="curve/heigth"), tmp_path / "b")
    assert saved(tmp_path / "b") == [2]


def test_a_notice_during_an_evaluation_ends_it_and_the_continuation_makes_up_for_it(tmp_path):
    batches = []

    def on_batch():
        batches.append(None)
        if len(batches) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Stopped) as stopped:
        train(Counting(on_batch), settings(metric=""), tmp_path)
    assert (stopped.value.step, stopped.value.status) == (2, 143)
    # The second of three batches was not computed, the third not even read.
    assert len(batches) == 2
    assert (saved(tmp_path), heights(tmp_path)) == ([2], {})
    assert [r["step"] for r in writers.read_json_lines(tmp_path / "metrics.jsonl")] == [1, 2]
    batches = [None] * 10
    train(Counting(on_batch), settings(metric="", total=6), tmp_path)
    assert heights(tmp_path) == {2: 3, 4: 9, 6: 5}
    # Measured once: an evaluation that is there is not made again.
    assert len(batches) == 10 + 3 * 3


def test_what_a_kill_after_a_save_or_before_the_results_leaves_is_whole(tmp_path, monkeypatch):
    """Numbers reach their file before the checkpoint of their step; the last ones stay single."""

    class KilledError(Exception):
        pass

    def save_and_die(self, step, state, *, wait=False):
        save(self, step, state, wait=True)
        raise KilledError

    def lines():
        return [record["step"] for record in writers.read_json_lines(tmp_path / "metrics.jsonl")]

    save = Checkpoints.save
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(Checkpoints, "save", save_and_die)
        train(Counting(), settings(metric="", total=4), tmp_path)
    assert (saved(tmp_path), lines()) == ([4], [1, 2, 2, 3, 4])
    for _ in range(2):
        train(Counting(), settings(metric="", total=4), tmp_path)
        assert lines() == [1, 2, 2, 3, 4, 4]
        (tmp_path / "results.json").unlink()


def limit(num_bytes):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))


@pytest.fixture
def no_limit_left():
    yield
    limit(resource.RLIM_INFINITY)


@pytest.mark.parametrize("what", ["metrics.jsonl", "samples", "tb", "checkpoint"])
def test_a_full_disk_stops_the_run_and_it_goes_on_once_there_is_room(
    what, tmp_path, no_limit_left, monkeypatch, capfd
):
    """A limit on the size of files refuses bytes as a full disk does, to every user anywhere."""
    writer = {
        "metrics.jsonl": writers.JsonLines,
        "samples": writers.Pictures,
        "tb": writers.TensorBoard,
        "checkpoint": Checkpoints,
    }[what]
    method = "save" if what == "checkpoint" else "write"
    original = getattr(writer, method)

    def refused(self, step, *arguments, **options):
        if step < 6:
            original(self, step, *arguments, **options)
            if what == "checkpoint":
                self.wait()
            return
        while not (tmp_path / "checkpoints" / "4").exists():
            time.sleep(0.01)  # It may still be being saved, and the disk is there for both.
        limit(20)
        original(self, step, *arguments, **options)
        if what == "checkpoint":
            self.wait()

    with monkeypatch.context() as patch:
        patch.setattr(writer, method, refused)
        with pytest.raises(InputError, match=f"cannot write .*{what}.*File too large") as raised:
            train(Counting(), settings(metric="", total=8), tmp_path)
        limit(resource.RLIM_INFINITY)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""
    assert saved(tmp_path) == [4]
    whole = train(Counting(), settings(metric="", total=8), tmp_path)
    assert whole == {"curve/height@24": 7}
    assert heights(tmp_path) == {2: 3, 4: 9, 6: 5, 8: 7}
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8]
    assert not [p for p in tmp_path.rglob("*") if "tmp" in p.name or p.name.startswith(".")]
