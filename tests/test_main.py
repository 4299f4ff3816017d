"""`python -m jaxrepro`: lists what there is, and runs it."""

import importlib
import os
import re
import runpy
import shlex
import subprocess
import sys
import tomllib

import pytest

from jaxrepro import __main__ as main_module
from jaxrepro import contents, papers
from tests import runs
from tests.core.test_config import CONFIGS, load

# The names of packages that take long to import.
HEAVY = ("jax", "numpy", "absl", "ml_collections", "flax", "rich")


def run(monkeypatch, capsys, *words):
    """Returns (status, output, errors) of `python -m jaxrepro` with these words."""
    monkeypatch.setattr(sys, "argv", ["jaxrepro/__main__.py", *words])
    status = main_module.main()
    return status, *capsys.readouterr()


def lines_with_commands(folder):
    """The names of modules and packages of a folder that run a command."""
    modules = {path.stem for path in folder.glob("*.py") if "\n    cli.run(" in path.read_text()}
    return modules | {path.parent.name for path in folder.glob("*/__main__.py")}


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_what_there_is(monkeypatch, capsys, words):
    monkeypatch.chdir(runs.ROOT)
    status, out, _ = run(monkeypatch, capsys, *words)
    assert status == 0
    listed = set(re.findall(r"^  (\w+)  +\w", out, re.MULTILINE))
    package = runs.ROOT / "jaxrepro"
    assert listed == lines_with_commands(package) | set(papers.paper_names())
    assert {"train", "checkpoints", "biggan"} <= listed
    for paper in papers.paper_names():
        (page,) = re.findall(rf"^  {paper} .*\n((?:    .*\n?)*)", out, re.MULTILINE)
        named = re.findall(r"\w+", re.sub(r"\w+:", "", page))
        configs = {path.stem for path in CONFIGS if load(path, "test").task == paper}
        assert set(named) == lines_with_commands(package / "papers" / paper) | configs
    assert max(map(len, out.splitlines())) <= 100


def test_it_comes_at_once():
    code = (
        "import sys; from jaxrepro.__main__ import main; sys.argv = ['jaxrepro']; main(); "
        f"sys.exit(' '.join(set({HEAVY}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=runs.ROOT, capture_output=True)
    assert (done.returncode, done.stderr) == (1, b"\n")
    assert done.stdout.startswith(b"jaxrepro COMMAND")


def test_a_list_that_nobody_reads_ends_without_a_word():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "jaxrepro"]
    done = subprocess.run(command, cwd=runs.ROOT, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("paper", papers.paper_names())
def test_a_paper_has_a_page(monkeypatch, capsys, tmp_path, paper):
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(monkeypatch, capsys, paper)
    assert status == 0
    assert out.startswith(importlib.import_module(f"jaxrepro.papers.{paper}").__doc__[:20])
    for verb, file in contents.verbs(contents.PACKAGE / "papers" / paper).items():
        assert f"\n  {verb} " in out
        assert contents.summary(file)[:20] in out
    # From another folder too: they lie beside the package.
    for name in contents.configs()[paper]:
        assert f"\n  {name} " in out


@pytest.mark.parametrize("paper", contents.papers())
def test_what_comes_after_a_run_are_the_verbs_examples_with_it(paper):
    steps = dict((command, words) for words, command in contents.next_steps("a run/x", paper))
    evaluate, export = list(steps)[:2]
    assert evaluate == "python -m jaxrepro.evaluate --workdir='a run/x'"
    assert export == "python -m jaxrepro.export --workdir='a run/x' --output=exports/x"
    assert all(steps.values())
    for command in steps:
        module, *given = shlex.split(command)[2:]
        file = contents.PACKAGE.parent / f"{module.replace('.', '/')}.py"
        assert sum(word in ("--model=a run/x", "--workdir=a run/x") for word in given) == 1
        assert file.exists()
    # Verbs of a paper that take a run are among them.
    own = {name for name in contents.verbs(contents.PACKAGE / "papers" / paper)}
    found = {command.split()[2].rpartition(".")[2] for command in steps if ".papers." in command}
    expected = {"biggan": {"sample"}, "srcnn": {"upscale"}, "pyranet": {"predict"}}
    assert expected.get(paper, set()) <= found <= own


def test_configs_of_the_current_folder_come_first(monkeypatch, capsys, tmp_path):
    (tmp_path / "configs").mkdir()
    for name, text in {
        "mine": "config.task = 'srcnn'\n",
        "settings": 'from jaxrepro.papers.biggan import settings\nconfig = {"task": "srcnn"}\n',
        "imported": "from jaxrepro.papers.biggan.settings import published\n",
        "another": "",
    }.items():
        (tmp_path / "configs" / f"{name}.py").write_text(text + "def get_config(arg):\n    pass\n")
    (tmp_path / "configs" / "no_config.py").write_text("")
    monkeypatch.chdir(tmp_path)
    found = {paper: set(files) for paper, files in contents.configs().items()}
    assert found == {"srcnn": {"mine", "settings"}, "biggan": {"imported"}, "": {"another"}}
    assert "Other configs: another" in run(monkeypatch, capsys)[1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("trian", "there is no command or paper 'trian'; the nearest is 'train'; P lists all"),
        ("bigan sample", "no command or paper 'bigan'; the nearest is 'biggan'; P lists all"),
        ("biggan smaple", "biggan has no verb 'smaple'; the nearest is 'sample'; P biggan lists"),
        ("upscale a.png", "no command or paper 'upscale'; the nearest is 'srcnn upscale'; P lists"),
        ("--config=a.py", "there is no command or paper '--config=a.py'; P lists all"),
        ("nn", "there is no command or paper 'nn'; "),
        ("srcnn task", "srcnn has no verb 'task'; "),
    ],
)
def test_a_misspelt_name_is_one_line(monkeypatch, capsys, words, line):
    status, out, err = run(monkeypatch, capsys, *words.split())
    assert (status, out) == (1, "")
    assert re.fullmatch(r"error: .*\n", err)
    assert line.replace("P ", "python -m jaxrepro ") in err


@pytest.mark.parametrize(
    ("short", "module", "flags"),
    [
        (("train",), "train", ("--config=configs/srcnn.py:test", "--show_config")),
        (("train",), "train", ("--config=configs/none.py",)),
        (("srcnn", "upscale"), "papers.srcnn.upscale", ("--help",)),
        (("scfegan", "studio"), "papers.scfegan.studio", ("--help",)),
    ],
)
def test_short_names_run_the_same_commands(short, module, flags):
    ours = runs.run("jaxrepro", *short, *flags, imported=False)
    theirs = runs.run(f"jaxrepro.{module}", *flags, imported=False)
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        *(theirs.returncode, theirs.stdout, theirs.stderr),
    )
    assert ours.stdout + ours.stderr


def test_a_verb_gets_the_words_after_its_name(monkeypatch, capsys):
    def run_module(module, **how):
        assert (module, sys.argv[1:]) == ("jaxrepro.papers.biggan.sample", ["--num=3"])
        print("ran")

    monkeypatch.setattr(runpy, "run_module", run_module)
    assert run(monkeypatch, capsys, "biggan", "sample", "--num=3") == (0, "ran\n", "")


def test_the_script_is_this_command():
    project = tomllib.loads((runs.ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["jaxrepro"].partition(":")
    assert getattr(importlib.import_module(module), function) is main_module.main
