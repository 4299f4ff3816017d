"""The commands of the papers, found in their packages, and trained networks for them."""

import importlib
import pathlib
import types

from absl import flags

from jaxrepro import papers

_FOLDER = pathlib.Path(papers.__file__).parent


def commands() -> dict[tuple[str, str], types.ModuleType]:
    """Returns the module of every command by its paper and its name there."""
    found = {}
    for paper in papers.paper_names():
        for path in sorted((_FOLDER / paper).rglob("*.py")):
            if 'if __name__ == "__main__":' in path.read_text():
                name = ".".join(path.relative_to(_FOLDER / paper).with_suffix("").parts)
                module = importlib.import_module(f"jaxrepro.papers.{paper}.{name}")
                found[paper, name] = module
    return found


def flags_of(command: types.ModuleType) -> set[str]:
    """Returns the names of a command's flags."""
    before = set(flags.FLAGS)
    command.define_flags()
    defined = set(flags.FLAGS) - before
    for name in defined:
        delattr(flags.FLAGS, name)
    return defined


def contract_of(paper: str) -> types.ModuleType:
    """Returns what a paper tells the tests of all papers."""
    return importlib.import_module(f"tests.papers.{paper}.contract")
