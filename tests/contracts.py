"""What the tests of all papers are told of each: constants of `tests/papers/<paper>/contract.py`.

A paper without the file, or without one of the constants, needs nothing said.

    NOT_COMPILED  names of configs whose updates are compiled by no test: for their size
    ON_MESHES     {name of a config: changes of its `test` variant} of `tests/test_any_mesh.py`
    KILLED        {name: {"config": its argument, "more": further arguments}} of the trainings that
                  `python -m tests.kills` stops: one of every kind of state
    VERBS_THAT_WRITE  {name of a verb: what makes its arguments below a folder, outputs among them},
                  where VERB_ARGUMENTS does not
    VERBS_THAT_WRITE_NOTHING  names of verbs that leave no file
    ELASTIC       {name of a config: arguments} of `python -m tests.elastic`
    BAD_INPUTS    the paper's `PaperInputs` of `python -m tests.bad_inputs`
    SMALLEST      name of the config whose `test` variant is the smallest
"""

import importlib
import pathlib
from types import ModuleType
from typing import Any

_PAPERS = pathlib.Path(__file__).resolve().parent / "papers"


def contracts() -> dict[str, ModuleType]:
    """Returns the module of every paper that has one, by the paper's name."""
    names = sorted(path.parent.name for path in _PAPERS.glob("*/contract.py"))
    return {name: importlib.import_module(f"tests.papers.{name}.contract") for name in names}


def told(constant: str) -> dict[str, Any]:
    """Returns {paper: what it says} of one constant, without the papers that do not say it."""
    found = {name: getattr(module, constant, None) for name, module in contracts().items()}
    return {name: value for name, value in found.items() if value is not None}


def not_compiled() -> tuple[str, ...]:
    """Returns the names of the configs whose updates no test compiles."""
    return tuple(config for configs in told("NOT_COMPILED").values() for config in configs)


def on_meshes() -> dict[str, dict[str, Any]]:
    """Returns {name of a config: changes} of those that are laid over meshes."""
    return {k: v for cases in told("ON_MESHES").values() for k, v in cases.items()}
