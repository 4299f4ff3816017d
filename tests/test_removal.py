"""A paper is removed in one move: its folder, its configs and the folder of its tests."""

import ast
import pathlib
import shutil
import subprocess
import sys

import pytest

from jaxrepro.papers import task_names
from tests.contracts import contracts
from tests.test_task_contract import CONFIGS, load

ROOT = pathlib.Path(__file__).resolve().parents[1]
CODE = ("jaxrepro", "configs", "benchmarks", "launch", "tests")
TASKS = {path.name: load(path, "test").task for path in CONFIGS}


def imported(path: pathlib.Path, everywhere: bool) -> set[str]:
    """Returns the modules that a file imports, within functions too or when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def belongs_to(paper: str, path: pathlib.Path) -> bool:
    """Whether a file goes with the paper."""
    parts = path.relative_to(ROOT).parts
    own = parts[:3] in (("jaxrepro", "papers", paper), ("tests", "papers", paper))
    return own or (parts[0] == "configs" and TASKS.get(path.name) == paper)


@pytest.mark.parametrize("paper", task_names())
def test_nothing_else_imports_a_paper(paper):
    """The package never; benchmarks and tests of it alone only where they are run."""
    gone = tuple(f"{package}.papers.{paper}" for package in ("jaxrepro", "tests"))
    found = []
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            if belongs_to(paper, path):
                continue
            names = imported(path, everywhere=folder == "jaxrepro")
            found += [(path, x) for x in names if f"{x}.".startswith(tuple(f"{g}." for g in gone))]
    assert found == []


def test_what_is_left_is_collected_and_keeps_its_layers(tmp_path):
    """Of the paper that has most tests, in a copy without it."""
    paper = max(contracts(), key=lambda name: len(list((ROOT / "tests/papers" / name).rglob("*"))))
    for folder in CODE:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not belongs_to(paper, path):
                target = tmp_path / path.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    linter = pathlib.Path(sys.executable).with_name("lint-imports")
    collection = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
    for command in (collection, (linter,)):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]
