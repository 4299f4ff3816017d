"""Commands on a run whose data are not what they were: every one tells before it computes."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxrepro import evaluate, export, train
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.run import workdir
from jaxrepro.core.run.run_record import record_start
from jaxrepro.core.task import identities_of
from jaxrepro.data.sources import open_source
from jaxrepro.papers import make_task
from jaxrepro.papers.scfegan.faces.face_sets import open_faces
from tests import runs
from tests.bad_inputs import materials
from tests.test_task_contract import load

CONFIG = pathlib.Path(__file__).resolve().parents[1] / "configs" / "prm_cifar.py"
BOTH = r"has the classes bee, cow, zebra \(3\), and the run in .* with ant, bee, cow \(3\)"


pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The workdir of a run that was started on three classes in data/, and no more than started."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("ant", "bee", "cow"):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / "0.png")
    monkeypatch.chdir(tmp_path)
    config = load(CONFIG, "test")
    config.data.source = "folder:data"
    data = identities_of(make_task(Settings(config)))
    with workdir.claimed(tmp_path / "run", config, data=data):
        record_start(tmp_path / "run", 0, data=data)
    return "--workdir=run"


def call_train(monkeypatch, *arguments):
    # Where keys of the config are looked for.
    monkeypatch.setattr("sys.argv", ["train", *arguments])
    runs.call(train, *arguments)


def test_a_renamed_class_ends_every_command(run, monkeypatch):
    for split in ("train", "test"):
        pathlib.Path("data", split, "ant").rename(f"data/{split}/zebra")
    with pytest.raises(InputError, match=BOTH):
        call_train(monkeypatch, run, f"--config={CONFIG}:test", "--config.data.source=folder:data")
    with pytest.raises(InputError, match=BOTH):
        runs.call(evaluate, run)
    with pytest.raises(InputError, match=BOTH):
        runs.call(export, run, "--output=export")


def test_a_moved_folder_goes_on_and_another_is_refused(run, monkeypatch, capsys):
    reached = []
    monkeypatch.setattr(
        "jaxrepro.core.loop.train", lambda *_, data, **__: reached.append(data) or {}
    )
    monkeypatch.setattr("jaxrepro.page.draw_after_run", lambda *_: True)
    monkeypatch.setattr("jaxrepro.core.run.run_record.record_end", lambda *_: None)
    arguments = (run, f"--config={CONFIG}:test")
    pathlib.Path("data").rename("moved")
    call_train(monkeypatch, *arguments, "--config.data.source=folder:moved")
    assert workdir.read_config(pathlib.Path("run"))["data"]["source"] == "folder:moved"
    assert "holds other data" not in capsys.readouterr().out
    (path,) = pathlib.Path("moved/train/bee").iterdir()
    Image.new("RGB", (8, 8)).save(path)
    call_train(monkeypatch, *arguments, "--config.data.source=folder:moved")
    assert "data.source holds other data than the run in run" in capsys.readouterr().out
    pathlib.Path("moved").rename("again")
    with pytest.raises(InputError, match="folder:moved -> folder:again, and data.source holds"):
        call_train(monkeypatch, *arguments, "--config.data.source=folder:again")
    assert [data["data.source"].num_examples for data in reached] == [3, 3]
    assert json.loads(pathlib.Path("run/run.json").read_text())["starts"][0]["data_keys"] == [
        "data.source",
        "data.validation",
    ]


def test_prepared_sets_are_the_same_wherever_they_lie(tmp_path):
    for make, open_set in (
        (materials.makers()["set"], lambda place: open_source(f"array_record:{place}")),
        (
            materials.makers()["faces"],
            lambda place: open_faces(f"faces:{place}", split="train", size=64),
        ),
    ):
        here, there = (tmp_path / f"{make.__name__}_{name}" for name in ("here", "there"))
        make(here)
        shutil.copytree(here, there)
        assert open_set(here).identity().is_same(open_set(there).identity())
    held_out = open_faces(f"faces:{there}", split="held_out", size=64).identity()
    assert not held_out.is_same(open_set(here).identity())


def test_files_of_weights_are_known_by_their_content(tmp_path):
    def made(name, **changes):
        config = load(CONFIG.with_name(f"{name}.py"), "test")
        config.update_from_flattened_dict(changes)
        return make_task(Settings(config))

    for name in ("a.npz", "b.npz"):
        (tmp_path / name).write_bytes(b"weights")
    known = [
        identities_of(made("biggan_digits", **{"eval.features": str(tmp_path / name)}))
        for name in ("a.npz", "b.npz", "none.npz")
    ]
    assert known[0]["eval.features"].is_same(known[1]["eval.features"])
    assert "eval.features" not in known[2]  # Its reader says that it is missing.
    task = made("scfegan")
    assert "features.weights" not in task.identities()
    # The name of published features ends in a digest of their arrays.
    features = dataclasses.replace(task.update.features, trained=True, name="vgg16-slim-0a1b")
    task = dataclasses.replace(task, update=dataclasses.replace(task.update, features=features))
    assert task.identities()["features.weights"].fingerprint == "vgg16-slim-0a1b"
    task = made("srcnn")
    assert "start.weights" not in task.identities()
    started = dataclasses.replace(task, start={"kernel": np.ones(3)}).identities()
    assert started["start.weights"].num_examples == 0
