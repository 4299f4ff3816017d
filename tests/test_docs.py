"""The pages in docs/ and the README do what they say."""

import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from jaxrepro import papers
from jaxrepro.core import loop
from jaxrepro.core.checkpoints.checkpoint import Checkpoints
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.reports.writers import read_json_lines
from jaxrepro.core.run.run_record import read_starts
from jaxrepro.papers import make_task

ROOT = pathlib.Path(__file__).resolve().parents[1]


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def added_paper(tmp_path_factory):
    """A repository without papers to which docs/adding_a_paper.md was done, as the page says."""
    root = tmp_path_factory.mktemp("repository")
    (root / "jaxrepro" / "papers").mkdir(parents=True)
    (root / "configs").mkdir()
    page = ROOT / "docs" / "adding_a_paper.md"
    (commands,) = blocks(page, "sh")
    subprocess.run(["bash", "-euc", commands], cwd=root, check=True)
    # Each listing belongs to the file that is named last before it.
    *listings, _ = re.split(r"^```python\n", page.read_text(), flags=re.MULTILINE)
    for before, source in zip(listings, blocks(page, "python"), strict=True):
        (root / re.findall(r"`([\w/]+/\w+\.py)`", before)[-1]).write_text(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "__path__", [*papers.__path__, str(root / "jaxrepro" / "papers")])
        yield root
    for name in [name for name in sys.modules if name.startswith("jaxrepro.papers.softmax")]:
        del sys.modules[name]


def train(added_paper, workdir, resume=None, **changes):
    spec = importlib.util.spec_from_file_location("page", added_paper / "configs" / "softmax.py")
    config_module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(config_module)
    config = config_module.get_config()
    for key, value in changes.items():
        config.train[key] = value
    settings = Settings(config)
    task = make_task(settings)
    loop_settings = loop.LoopSettings.from_settings(settings)
    settings.check_all_read()
    return loop.train(task, loop_settings, workdir, resume)


def test_the_added_paper_keeps_the_style_of_the_repository(added_paper):
    assert sorted(str(path.relative_to(added_paper)) for path in added_paper.rglob("*.py")) == [
        "configs/softmax.py",
        "jaxrepro/papers/softmax/__init__.py",
        "jaxrepro/papers/softmax/task.py",
    ]
    shutil.copy(ROOT / "pyproject.toml", added_paper)
    # The rest of the package is not there to be recognised.
    check = ["check", "--config", "lint.isort.known-first-party=['jaxrepro']"]
    for arguments in (check, ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
        subprocess.run(command, cwd=added_paper, check=True)


def test_the_added_paper_trains_on_eight_devices(added_paper, tmp_path, capsys):
    results = train(added_paper, tmp_path)
    assert results["test/accuracy"] > 0.9
    records = read_json_lines(tmp_path / "metrics.jsonl")
    losses = [r["loss/cross_entropy"] for r in records if "loss/cross_entropy" in r]
    assert len(losses) == 6
    assert losses[-1] < 0.5 * losses[0]
    assert "for 8 x cpu" in capsys.readouterr().out
    assert all(0 <= r["speed/waiting_for_data"] <= 1 for r in records if "loss/cross_entropy" in r)
    first_update = read_starts(tmp_path)[-1]["first_update"]
    assert list(first_update["seconds"])[-2:] == ["first batch", "first update"]
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.steps == [100, 200, 300]


def test_it_continues_and_goes_back(added_paper, tmp_path, capsys):
    train(added_paper, tmp_path, total_steps=150)
    with pytest.raises(InputError, match=r"150 steps already, more than train\.total_steps=100"):
        train(added_paper, tmp_path, total_steps=100)
    continued = train(added_paper, tmp_path, total_steps=300)
    assert "continuing from the checkpoint of step 150" in capsys.readouterr().out
    assert train(added_paper, tmp_path, total_steps=300) == continued
    assert "this run is finished" in capsys.readouterr().out
    assert train(added_paper, tmp_path, total_steps=300, resume=150) == continued
    assert "continuing from the checkpoint of step 150" in capsys.readouterr().out
    assert train(added_paper, tmp_path / "whole", total_steps=300) == continued
    np.testing.assert_array_equal(
        *(
            [
                r["loss/cross_entropy"]
                for r in read_json_lines(w / "metrics.jsonl")
                if "loss/cross_entropy" in r
            ][-3:]
            for w in (tmp_path, tmp_path / "whole")
        )
    )


def test_readme_has_two_commands_and_its_links_exist():
    readme = ROOT / "README.md"
    (commands,) = blocks(readme, "sh")
    install_and_run, install_and_test = commands.strip().splitlines()
    assert "pip install" in install_and_run
    assert "jaxrepro.train --config=configs/biggan_digits.py" in install_and_run
    assert "pip install" in install_and_test
    assert "pytest" in install_and_test
    for page in [readme, *ROOT.glob("docs/*.md"), *ROOT.glob("jaxrepro/papers/*/README.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_config_and_flag_named_in_the_readme_exists():
    text = (ROOT / "README.md").read_text()
    for config in re.findall(r"configs/(\w+\.py)", text):
        assert (ROOT / "configs" / config).is_file(), config
    sources = "".join(path.read_text() for path in (ROOT / "jaxrepro").rglob("*.py"))
    known = {"config", *re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', sources)}
    commands = "\n".join(re.findall(r"-m jaxrepro\.\w.*", text))
    used = set(re.findall(r"--(\w+)", commands))
    assert len(used) > 5
    assert used <= known
