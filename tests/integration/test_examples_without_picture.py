"""A paper whose examples are lines of text, trained by the command as any other."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from jaxrepro import papers
from jaxrepro import train as train_command
from jaxrepro.core.errors import InputError
from jaxrepro.core.run.run_record import read_starts
from tests import runs

TASK = '''
import dataclasses

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.state import Net, TrainState
from jaxrepro.core.task import BatchSpec, Every
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer
from jaxrepro.data.pipeline import eval_batches, train_iterator
from jaxrepro.data.transforms import Transform

LENGTH = 6


class Lines:
    """Lines of 2 to 6 tokens, each of which is the one before plus one, modulo 5."""

    def __len__(self):
        return 20

    def __repr__(self):
        return "Lines()"

    def __getitem__(self, index):
        length = 2 + index % 5
        return {"tokens": (index + np.arange(length)) % 5, "length": np.int32(length)}


def padded(item):
    tokens = np.zeros(LENGTH, np.int32)
    tokens[: len(item["tokens"])] = item["tokens"]
    return {"tokens": tokens, "length": item["length"]}


def errors(params, batch):
    """Returns (cross-entropies of the next tokens, which of them count), each [B, T - 1]."""
    tokens = batch["tokens"]
    scores = nn.log_softmax(params["table"][tokens[:, :-1]])
    picked = jnp.take_along_axis(scores, tokens[:, 1:, None], axis=-1)[..., 0]
    return -picked, jnp.arange(1, LENGTH) < batch["length"][:, None]


@dataclasses.dataclass(frozen=True)
class Bigrams:
    optim: OptimizerSpec
    batch_size: int
    seed: int
    transform: Transform
    eval_every: Every

    @property
    def batch_spec(self):
        return {
            "tokens": BatchSpec((self.batch_size, LENGTH), np.int32),
            "length": BatchSpec((self.batch_size,), np.int32),
        }

    def train_data(self, start_step, process, num_processes):
        return train_iterator(
            Lines(), self.transform, seed=self.seed, batch_shape=(self.batch_size,),
            start_step=start_step, process=process, num_processes=num_processes,
        )

    def init(self, key):
        params = {"table": jnp.zeros((5, 5))}
        net = Net(params, {}, make_optimizer(self.optim, params).init(params))
        return TrainState(jnp.zeros((), jnp.int32), key, nets={"model": net}, ema={})

    def train_step(self, state, batch):
        def loss(params, stats, micro):
            values, counts = errors(params, micro)
            value = jnp.sum(values * counts) / jnp.sum(counts)
            return value, (stats, {"loss/cross_entropy": value})

        optimizer = make_optimizer(self.optim, state.nets["model"].params)
        return step_lib.supervised_step(state, loss, batch, optimizer)

    def partition(self):
        return ()

    def evaluators(self):
        return {"test": Accuracy(self.transform, self.eval_every)}

    def export(self, state):
        return {"model": {"params": state.nets["model"].params}}

    def model_card(self):
        return {"paper": "bigrams"}


@dataclasses.dataclass(frozen=True)
class Accuracy:
    transform: Transform
    every: Every

    def data(self, process, num_processes):
        return eval_batches(
            Lines(), self.transform, 8, process=process, num_processes=num_processes
        )

    def step(self, state, batch, key):
        values, counts = errors(state.nets["model"].params, batch)
        return {"error": jnp.sum(values * counts, 1), "tokens": jnp.sum(counts, 1)}

    def init(self):
        return 0.0, 0

    def merge(self, acc, out):
        return acc[0] + out["error"].sum(dtype=float), acc[1] + int(out["tokens"].sum())

    def finish(self, acc):
        return {"error": float(acc[0] / acc[1]), "tokens": float(acc[1])}


def from_settings(settings):
    return Bigrams(
        OptimizerSpec(name="adam", learning_rate=0.1),
        settings.train.at_least("batch_size", 1),
        settings.seed,
        Transform(prepare=padded if settings.data.padded else dict),
        Every(settings.eval.every),
    )
'''
CONFIG = """
from ml_collections import ConfigDict


def get_config(arg=None):
    return ConfigDict({
        "task": "bigrams",
        "seed": 0,
        "data": {"padded": arg != "unpadded"},
        "train": {"total_steps": 40, "batch_size": 8},
        "eval": {"every": 20},
        "checkpoint": {"every": 20, "keep": 3, "keep_period": 0},
        "log": {"every": 5, "profile_at": 0},
        "mesh": {"fsdp": 1},
    })
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The package of this repository, with a paper more."""
    root = tmp_path_factory.mktemp("checkout")
    package, papers = root / "jaxrepro", root / "jaxrepro" / "papers"
    papers.mkdir(parents=True)
    for entry in (runs.ROOT / "jaxrepro").iterdir():
        if entry.name not in ("papers", "__pycache__"):
            (package / entry.name).symlink_to(entry)
    (papers / "__init__.py").symlink_to(runs.ROOT / "jaxrepro" / "papers" / "__init__.py")
    (papers / "bigrams").mkdir()
    (papers / "bigrams" / "__init__.py").write_text('"""Bigrams of a text without letters."""\n')
    (papers / "bigrams" / "task.py").write_text(TASK)
    (root / "bigrams.py").write_text(CONFIG)
    return root


def python(checkout, *words):
    flags = [word for word in os.environ.get("XLA_FLAGS", "").split() if "device_count" not in word]
    return subprocess.run(
        [sys.executable, *words],
        cwd=checkout,
        env=os.environ | {"XLA_FLAGS": " ".join(flags)},
        capture_output=True,
        text=True,
    )


def records(workdir: pathlib.Path):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def test_examples_without_a_picture_train_and_resume(checkout, tmp_path):
    words = ("--config=bigrams.py", f"--workdir={tmp_path}", "--config.train.total_steps=20")
    first = python(checkout, "-m", "jaxrepro", "train", *words)
    assert (first.returncode, first.stderr) == (0, "")
    # What is recorded is the form of the pages, and runs again.
    recorded = read_starts(tmp_path)[0]["command"]
    assert recorded == ["python", "-m", "jaxrepro.train", *words]
    then = python(checkout, *recorded[1:-1])
    assert (then.returncode, then.stderr) == (0, "")
    assert "continuing from the checkpoint of step 20" in then.stdout
    assert "examples/s" in then.stdout
    assert "image" not in first.stdout + then.stdout
    trained = [r for r in records(tmp_path) if "loss/cross_entropy" in r]
    assert [r["step"] for r in trained] == list(range(5, 41, 5))
    assert all(r["speed/examples_per_second"] > 0 for r in trained)
    assert all(name.partition("image")[1] == "" for r in trained for name in r)
    measured = [r for r in records(tmp_path) if "test/error" in r]
    # Twenty lines of 2 to 6 tokens: four of each, the first token of a line is given.
    assert [r["test/tokens"] for r in measured] == [60, 60]
    assert measured[1]["test/error"] < measured[0]["test/error"] < np.log(5)
    page = (tmp_path / "page.html").read_text()
    assert "examples/s (median)" in page
    assert "images/s" not in page


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_examples_that_do_not_fit_are_named_by_the_command(checkout, tmp_path, monkeypatch):
    folder = str(checkout / "jaxrepro" / "papers")
    monkeypatch.setattr(papers, "__path__", [*papers.__path__, folder])
    monkeypatch.chdir(checkout)
    flags = ("--config=bigrams.py:unpadded", f"--workdir={tmp_path}")
    try:
        with pytest.raises(InputError, match=r"differ in 'tokens': int64 \[\d\] and int64 \[\d\]"):
            runs.call(train_command, *flags)
    finally:
        for name in [name for name in sys.modules if name.startswith("jaxrepro.papers.bigrams")]:
            del sys.modules[name]
