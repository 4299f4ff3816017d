"""Commands on a run whose data are not what they were: every one tells before it computes."""

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
from tests import runs
from tests.bad_inputs.materials import Materials
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


def test_a_prepared_set_is_the_same_wherever_it_lies(tmp_path):
    here, there = Materials(tmp_path / "materials").path("set"), tmp_path / "there"
    shutil.copytree(here, there)
    one, other = (open_source(f"array_record:{place}").identity() for place in (here, there))
    assert one.is_same(other)
