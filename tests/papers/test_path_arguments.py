"""Functions take paths as strings too, in the modules that users import from the papers."""

import ast
import importlib
import inspect
import pathlib

import chex
import pytest

import jaxrepro
from jaxrepro.core.checkpoints.export import read_export
from jaxrepro.papers import paper_names
from tests.bad_inputs.materials import Materials

ROOT = pathlib.Path(jaxrepro.__file__).parent
MODULES = [*sorted(ROOT.glob("papers/*/*.py")), ROOT / "core" / "checkpoints" / "export.py"]


def public_functions(tree):
    """Yields the functions of a module and the methods of its classes that others may call."""
    for node in tree.body:
        name = getattr(node, "name", "_")
        if isinstance(node, ast.ClassDef) and not name.startswith("_"):
            yield from public_functions(node)
        elif isinstance(node, ast.FunctionDef) and (name == "__init__" or name[0] != "_"):
            yield node


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_public_function_asks_for_a_path_object(path):
    for function in public_functions(ast.parse(path.read_text())):
        arguments = function.args.posonlyargs + function.args.args + function.args.kwonlyargs
        for argument in arguments:
            kind = ast.unparse(argument.annotation) if argument.annotation else ""
            asks_for_object = "Path" in kind.replace("os.PathLike", "") or "Place" in kind
            assert not asks_for_object, f"{function.name}({argument.arg}: {kind})"


def loaders():
    """Yields (paper, function) for what a paper loads trained networks with."""
    for paper in paper_names():
        if (ROOT / "papers" / paper / "trained.py").is_file():
            module = importlib.import_module(f"jaxrepro.papers.{paper}.trained")
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if name.startswith("load_") and function.__module__ == module.__name__:
                    yield pytest.param(paper, function, id=f"{paper}.{name}")


@pytest.mark.parametrize(("paper", "load"), list(loaders()))
def test_networks_are_loaded_from_strings_and_paths(paper, load, tmp_path, monkeypatch):
    path = Materials(tmp_path).path(f"export:{paper}")
    monkeypatch.setenv("HOME", str(tmp_path))
    first, *others = (load(one) for one in (path, str(path), f"~/{path.name}"))
    for other in others:
        assert (other.module, other.origin) == (first.module, first.origin)
        chex.assert_trees_all_equal(other.variables, first.variables)
    assert read_export(str(path)).card == read_export(path).card == first.card
