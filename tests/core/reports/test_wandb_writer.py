"""`log.wandb`: one more place for measurements, the same run after a kill."""

import importlib.util
import json
import pathlib
import sys
import types

import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.loop import LoopSettings
from jaxrepro.core.reports import wandb_writer, writers
from jaxrepro.core.run.workdir import CONFIG, METRICS
from jaxrepro.core.task import Image
from tests.bad_inputs.materials import config_of

RESULTS = {"loss": 0.5, "sheet": Image(np.zeros((2, 3, 3), np.uint8))}


class Run:
    """What wandb.init returns, and what was handed to it."""

    def __init__(self, given):
        self.given, self.logged, self.finished = given, [], False

    def define_metric(self, name, step_metric):
        assert (name, step_metric) == ("*", "step")

    def log(self, values):
        self.logged.append(values)

    def finish(self):
        self.finished = True


@pytest.fixture
def runs(monkeypatch):
    """The runs that a wandb of the test's own has begun."""
    begun = []

    def init(**given):
        begun.append(Run(given))
        return begun[-1]

    module = types.ModuleType("wandb")
    module.init, module.Image, module.Settings = init, np.shape, dict
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    return begun


def test_numbers_and_pictures_arrive_and_a_continuation_is_the_same_run(runs, tmp_path):
    (tmp_path / CONFIG).write_text('{"seed": 3}')
    for start in (0, 5):
        writer = writers.workdir_writers(tmp_path, start, wandb="papers")
        writer.write(5, RESULTS)
        writer.close()
    assert len(runs) == 2
    for run in runs:
        assert run.given["project"] == "papers" and run.given["resume"] == "allow"
        assert run.given["config"] == {"seed": 3} and run.given["dir"] == tmp_path
        assert run.logged == [{"step": 5, "loss": 0.5, "sheet": (2, 3, 3)}]
        assert run.finished
    first, second = (run.given["id"] for run in runs)
    assert first == second
    assert json.loads((tmp_path / METRICS).read_text().splitlines()[0]) == {"step": 5, "loss": 0.5}
    writers.workdir_writers(tmp_path, 5, wandb="another").close()
    assert runs[2].given["id"] != first


def test_only_process_0_begins_a_run(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(writers.jax, "process_index", lambda: 1)
    writers.workdir_writers(tmp_path, 0, wandb="papers").write(1, RESULTS)
    assert not runs and not list(tmp_path.iterdir())


def test_without_the_package_it_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"^log\.wandb='papers' needs wandb, .*jaxrepro\[wandb\]"):
        writers.workdir_writers(tmp_path, 0, wandb="papers")
    # Nor is it needed where nothing asks for it.
    writers.workdir_writers(tmp_path, 0).close()


def test_what_it_refuses_is_one_line(runs, tmp_path, monkeypatch):
    def refuse(**given):
        raise RuntimeError("no API key\nconfigured")

    monkeypatch.setattr(sys.modules["wandb"], "init", refuse)
    with pytest.raises(
        InputError, match=r"^log\.wandb='papers': no API key configured; .*offline$"
    ):
        wandb_writer.WandbWriter("papers", tmp_path)


def test_the_config_has_a_project_or_none():
    config = config_of("srcnn").copy_and_resolve_references()
    assert LoopSettings.from_settings(Settings(config)).wandb == ""
    # As in runs from before there was such a key.
    with config.unlocked():
        del config.log["wandb"]
    assert LoopSettings.from_settings(Settings(config)).wandb == ""
    with config.unlocked():
        config.log.wandb = 3
    with pytest.raises(InputError, match=r"log\.wandb is 3; it is the name of a project"):
        LoopSettings.from_settings(Settings(config))


def test_offline_runs_of_wandb_itself_have_one_id(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    for start in (0, 5):
        writer = writers.workdir_writers(tmp_path, start, wandb="papers")
        writer.write(5, RESULTS)
        writer.close()
    identity = json.loads((tmp_path / wandb_writer.ID_FILE).read_text())["id"]
    kept = sorted((tmp_path / "wandb").glob("offline-run-*"))
    assert kept and all(folder.name.endswith(f"-{identity}") for folder in kept)
    assert all(list(pathlib.Path(folder).glob("*.wandb")) for folder in kept)
