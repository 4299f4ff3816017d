"""Going back to a checkpoint: once for a command that is given again, and without loss."""

import json
import shutil

import jax.numpy as jnp
import pytest

from jaxrepro.core.checkpoints import checkpoint
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.checkpoints.resumption import start_step
from jaxrepro.core.errors import InputError
from jaxrepro.core.run.run_record import record_start

TOTAL = 9


class KilledError(BaseException):
    pass


class Run:
    """A run whose training is to save the steps that it is told."""

    def __init__(self, workdir):
        self.workdir = workdir

    def start(self, resume, *steps, attempt=1, killed=False):
        """Starts, unless it is killed just before the start is recorded, and saves `steps`."""
        with Checkpoints(self.workdir, keep=3) as checkpoints:
            step = start_step(checkpoints, self.workdir, TOTAL, resume, attempt)
            if not killed:
                record_start(self.workdir, step, resume, attempt)
                for number in steps:
                    checkpoints.save(number, {"w": jnp.ones(2)}, wait=True)
                    # To tell the branches apart; no digests are compared here.
                    note = self.workdir / "checkpoints" / str(number) / "attempt"
                    note.write_text(str(attempt))
            return step

    @property
    def kept(self):
        with Checkpoints(self.workdir, read_only=True) as checkpoints:
            return checkpoints.steps

    @property
    def set_aside(self):
        folder = self.workdir / "set_aside"
        return {path.name: (path / "attempt").read_text() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("trained") / "run")
    assert run.start(None, 1, 2, 3) == 0
    (run.workdir / "results.json").write_text("{}")
    return run


@pytest.fixture
def run(trained, tmp_path):
    shutil.copytree(trained.workdir, tmp_path / "run")
    return Run(tmp_path / "run")


def test_a_command_that_goes_back_is_given_again_and_continues(run, capsys):
    assert run.start(1) == 1
    assert run.set_aside == {"2": "1", "3": "1"}
    assert not (run.workdir / "results.json").exists()
    assert "moved the checkpoints of steps [2, 3]" in capsys.readouterr().out
    # Nothing was saved since: there is nothing to say.
    assert run.start(1, 2, 3, 4) == 1
    assert capsys.readouterr().out == ""
    assert run.kept == [2, 3, 4]
    # The step itself is not kept any more. A process killed before its record changes nothing.
    assert [run.start(1, killed=True), run.start(1)] == [4, 4]
    line = "went back to step 1 already: going on from step 4; to go back to step 1 once more add "
    assert f"{line}--resume_attempt=2\n" in capsys.readouterr().out
    with pytest.raises(InputError, match="no checkpoint of step 1 .*; there are 2, 3, 4"):
        run.start(1, attempt=2)
    assert run.kept == [2, 3, 4]


def test_one_goes_back_once_more_by_another_attempt_and_all_branches_stay(run):
    assert run.start(2, 3) == 2
    assert run.start(2, attempt=2, killed=True) == 2
    assert run.start(2, 3, 4, attempt=2) == 2
    assert run.start(2, attempt=2) == 4
    assert run.start(3, attempt=2) == 3
    # A start that did not ask to go back is no start before of the same command.
    assert run.start(None, 5) == 3
    assert run.start(3) == 3
    assert run.set_aside == {"3": "1", "3.1": "1", "4": "2", "5": "1"}
    assert run.kept == [2, 3]


def test_another_config_goes_back(run):
    for action in ("stop", "off"):
        (run.workdir / "config.json").write_text(json.dumps({"guard": {"action": action}}))
        assert run.start(2, 3) == 2
        assert run.start(2) == 3
    assert run.set_aside == {"3": "1", "3.1": "1"}


def test_a_kill_between_two_moves_leaves_the_older_and_the_same_command_ends_it(run, monkeypatch):
    moves = []

    def move_one(source, target, last):
        if moves:
            raise KilledError
        moves.append(source.name)
        move_folder(source, target, last)

    move_folder = checkpoint.move_folder
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "move_folder", move_one)
        with pytest.raises(KilledError):
            run.start(1)
    assert (moves, run.kept) == (["3"], [1, 2])
    assert not (run.workdir / "results.json").exists()
    assert run.start(1) == 1
    assert run.set_aside == {"2": "1", "3": "1"}


def test_what_is_not_there_is_never_gone_back_to(run):
    assert run.start(3) == 3
    # The latest, so that nothing was undone: its results stand.
    assert (run.workdir / "results.json").exists()
    with pytest.raises(InputError, match="no checkpoint of step 7 .*; there are 1, 2, 3"):
        run.start(7)
    shutil.rmtree(run.workdir / "checkpoints")
    with pytest.raises(InputError, match="no checkpoint of step 3 .*; there are none"):
        run.start(3)
