"""The collapse guard through the train command, on runs made to break on purpose."""

import json

import numpy as np
import pytest

from tests import runs

# With so large a learning rate the weights of G grow at once.
BREAKING = (
    "--config=configs/biggan_digits.py:test",
    "--config.train.total_steps=40",
    "--config.optim.g.learning_rate=0.05",
    "--config.optim.orthogonal=0.0",
    "--config.checkpoint.every=4",
    "--config.checkpoint.keep=10",
    "--config.eval.every=40",
    "--config.log.every=2",
    "--config.guard.every=2",
    "--config.guard.window=3",
    "--config.guard.start=12",
    "--config.guard.factor=1.05",
    "--config.guard.max_rollbacks=1",
)


@pytest.fixture(scope="module")
def rolled_back(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("guard") / "run"
    return workdir, runs.run(
        "jaxrepro.train", *BREAKING, "--config.guard.action=rollback", f"--workdir={workdir}"
    )


def test_it_names_the_layer_goes_back_and_gives_up_at_last(rolled_back):
    workdir, result = rolled_back
    assert result.returncode == 1
    assert "first in sigma/g/" in result.stdout
    assert "going back to step" in result.stdout
    assert "went back 1 times already" in result.stderr
    assert "--resume=" in result.stderr
    assert "Traceback" not in result.stderr
    events = json.loads((workdir / "guard.json").read_text())["events"]
    assert [event["kind"] for event in events] == ["collapse", "rollback", "collapse"]
    steps = [
        json.loads(line)["step"] for line in (workdir / "metrics.jsonl").read_text().splitlines()
    ]
    assert steps == sorted(set(steps))
    assert "guard: rollback" in (workdir / "page.html").read_text()


def test_other_random_numbers_after_going_back(rolled_back):
    """The checkpoints set aside and those made again at the same step differ."""
    workdir, _ = rolled_back
    aside = {int(p.name) for p in (workdir / "set_aside").iterdir()}
    again = {int(p.name) for p in (workdir / "checkpoints").iterdir() if p.name.isdecimal()}
    (step, *_) = sorted(aside & again)
    kept = runs.leaves(workdir, step)
    moved = workdir.parent / "moved"
    moved.mkdir()
    (moved / "checkpoints").symlink_to(workdir / "set_aside")
    (moved / "config.json").write_bytes((workdir / "config.json").read_bytes())
    first = runs.leaves(moved, step)
    assert not np.array_equal(kept["key"], first["key"])
    assert not np.array_equal(
        kept["nets/g/params/first/kernel"], first["nets/g/params/first/kernel"]
    )


def test_stopping_leaves_the_best_checkpoint(tmp_path):
    workdir = tmp_path / "run"
    result = runs.run("jaxrepro.train", *BREAKING, f"--workdir={workdir}")
    assert result.returncode == 1
    assert "error: collapse at step" in result.stderr
    step = int(result.stderr.partition("--resume=")[2].split(",")[0])
    assert (workdir / "checkpoints" / str(step)).is_dir()
    off = runs.run(
        "jaxrepro.train",
        *BREAKING,
        f"--workdir={workdir}",
        f"--resume={step}",
        "--config.guard.action=off",
    )
    assert off.returncode == 0, off.stderr
