"""The train command: what a user sees when it is killed, stopped, resumed or given bad input."""

import json
import shutil
import signal

import numpy as np
import pytest

from jaxrepro import evaluate
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.errors import InputError
from tests import runs

# The network that compiles fastest: the command is what is tested.
CONFIG = "--config=configs/srcnn.py:test"
OF_TFDS = "--config.data.source=tfds:imagenet2012"
LONG = (
    CONFIG,
    "--config.train.total_steps=60",
    "--config.checkpoint.every=10",
    "--config.eval.every=30",
    "--config.eval.pictures_every=30",
    "--config.log.every=5",
)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A run of 60 steps without interruption."""
    workdir = tmp_path_factory.mktemp("runs") / "whole"
    # The whole command, whose imports print nothing either.
    result = runs.run("jaxrepro.train", *LONG, f"--workdir={workdir}", imported=False)
    assert result.returncode == 0, result.stderr
    return workdir, result


def assert_same_leaves(a, b, step=60):
    ours, theirs = runs.leaves(a, step), runs.leaves(b, step)
    assert ours.keys() == theirs.keys()
    # Step, key, three layers' kernels and biases, their momentum and its count.
    assert len(ours) == 15
    assert [k for k in ours if not np.array_equal(ours[k], theirs[k])] == []


def metrics(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_run_leaves_what_it_promises(whole_run):
    workdir, result = whole_run
    for text in ("examples/s", "loss/mean_squared_error", "ETA", "photos_test/psnr"):
        assert text in result.stdout
    assert result.stderr == ""
    for name in ("config.json", "model.json", "results.json", "metrics.jsonl", "page.html"):
        assert (workdir / name).is_file()
    assert sorted(p.name for p in (workdir / "samples").iterdir()) == [
        f"{name}-{step:08}.png"
        for name in ("before-after-squares", "first-layer-filters")
        for step in (30, 60)
    ]
    steps = [r["step"] for r in metrics(workdir) if "loss/mean_squared_error" in r]
    assert steps == list(range(5, 61, 5))


def test_the_same_command_again_says_finished(whole_run):
    workdir, first = whole_run
    again = runs.run("jaxrepro.train", *LONG, f"--workdir={workdir}")
    assert again.returncode == 0
    assert "finished: 60 steps" in again.stdout
    assert first.stdout.splitlines()[-8:] == again.stdout.splitlines()[-8:]
    (start,) = json.loads((workdir / "run.json").read_text())["starts"]
    assert start["command"][:4] == ["python", "-m", "jaxrepro.train", CONFIG]
    assert (start["step"], start["outcome"]) == (0, "finished")


def test_sigterm_saves_and_exits_143(whole_run, tmp_path):
    workdir, _ = whole_run
    stopped = tmp_path / "stopped"
    process = runs.start("jaxrepro.train", *LONG, f"--workdir={stopped}")
    assert runs.interrupt_after(process, stopped / "checkpoints" / "10", signal.SIGTERM) == 143
    with Checkpoints(stopped, read_only=True) as checkpoints:
        assert checkpoints.steps[-1] > 10
    assert f"{checkpoints.steps[-1]} of 60 updates" in (stopped / "page.html").read_text()
    assert runs.run("jaxrepro.train", *LONG, f"--workdir={stopped}").returncode == 0
    assert_same_leaves(stopped, workdir)


def test_damaged_checkpoint_then_an_older_one(whole_run, tmp_path):
    workdir, _ = whole_run
    copy = tmp_path / "copy"
    shutil.copytree(workdir, copy)
    data = [p for p in (copy / "checkpoints" / "60").rglob("*") if p.is_file() and "/d/" in str(p)]
    for path in data:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (copy / "results.json").unlink()
    result = runs.run("jaxrepro.train", *LONG, f"--workdir={copy}")
    assert result.returncode == 1
    assert_one_line(result.stderr, "the checkpoint of step 60", "--resume=50")
    result = runs.run("jaxrepro.train", *LONG, f"--workdir={copy}", "--resume=50")
    assert result.returncode == 0, result.stderr
    assert_same_leaves(copy, workdir)


def test_evaluate_repeats_the_final_results(whole_run, tmp_path):
    workdir, _ = whole_run
    result = runs.run("jaxrepro.evaluate", f"--workdir={workdir}", f"--output={tmp_path}")
    assert result.returncode == 0, result.stderr
    kept = json.loads((workdir / "results.json").read_text())["results"]
    assert f"{kept['photos_test/psnr']:.4g}" in result.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "before-after-squares-00000060.png",
        "first-layer-filters-00000060.png",
    ]
    (record,) = map(json.loads, (workdir / "evaluations.jsonl").read_text().splitlines())
    assert record["step"] == 60
    assert record["results"] == pytest.approx(kept)
    assert "Measured later" in (workdir / "page.html").read_text()


def test_evaluate_takes_a_config_and_several_steps(whole_run, tmp_path):
    workdir, _ = whole_run
    copy = tmp_path / "copy"
    shutil.copytree(workdir, copy)
    (copy / "evaluations.jsonl").unlink(missing_ok=True)
    config = (CONFIG, "--config.data.validation=('photos:train',)", "--steps=50,60")
    result = runs.run("jaxrepro.evaluate", f"--workdir={copy}", *config)
    assert result.returncode == 0, result.stderr
    records = [json.loads(x) for x in (copy / "evaluations.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [50, 60]
    assert all("photos_train/psnr" in record["results"] for record in records)
    result = runs.run(
        "jaxrepro.evaluate", f"--workdir={copy}", CONFIG, "--config.model.widths=(4,5)"
    )
    assert result.returncode == 1
    assert_one_line(result.stderr, "other networks or optimisers", "checkpoint of step 60")
    saved = json.loads((copy / "config.json").read_text())
    del saved["eval"]["tile"]
    (copy / "config.json").write_text(json.dumps(saved))
    with pytest.raises(InputError, match=r"no key 'eval\.tile'.*today's config with"):
        runs.call(evaluate, f"--workdir={copy}")


def assert_one_line(stderr, *parts):
    assert "Traceback" not in stderr
    lines = stderr.strip().splitlines()
    assert len(lines) == 1, stderr
    assert lines[0].startswith("error: ")
    for part in parts:
        assert part in lines[0]


def test_bad_input_is_one_line_and_leaves_nothing(tmp_path):
    """Of this command alone; `tests/bad_inputs` gives it many more in one process."""
    for arguments, parts in (
        ((), ("no config given",)),
        ((CONFIG.replace("srcnn", "biggan32"), OF_TFDS), ("imagenet2012", "prepare")),
    ):
        result = runs.run("jaxrepro.train", *arguments, f"--workdir={tmp_path / 'run'}")
        assert result.returncode == 1, result.stderr
        assert_one_line(result.stderr, *parts)
        assert not (tmp_path / "run" / "checkpoints" / "1").exists()


def test_workdir_of_another_config_names_the_keys(whole_run):
    workdir, _ = whole_run
    result = runs.run("jaxrepro.train", *LONG, f"--workdir={workdir}", "--config.seed=5")
    assert result.returncode == 1
    assert_one_line(result.stderr, "seed: 0 -> 5", "--workdir")
