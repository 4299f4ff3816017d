"""Which commands are killed."""

import functools
import pathlib
import shutil
from collections.abc import Callable, Sequence

from tests.bad_inputs.materials import Materials
from tests.bad_inputs.paper import CONFIGS
from tests.contracts import told
from tests.kills import preparing
from tests.kills.training import Training
from tests.kills.victim import Command
from tests.kills.writing import Writing
from tests.papers.networks import commands as verbs
from tests.papers.networks import contract_of

PAPERS = tuple(
    Training(name, **killed) for runs in told("KILLED").values() for name, killed in runs.items()
)
_ROOT = CONFIGS.parent
Arguments = Callable[[pathlib.Path], Sequence[str]]
# What `python -m jaxrepro.claims` reads and writes, and the package it is.
_OF_CLAIMS = ("jaxrepro", "configs", "docs", "benchmarks", "tests", "README.md", "pyproject.toml")


def commands(folder: pathlib.Path) -> dict[str, Command | Writing]:
    """Returns every command by its name; pictures to prepare and networks are made in `folder`."""
    images, faces = preparing.images(folder / "pictures"), preparing.faces(folder / "faces")
    found: tuple[Command | Writing, ...] = (*PAPERS, images, faces)
    materials = Materials(folder / "materials")
    found += (*_of_runs(materials), *_of_papers(materials), _claims())
    return {command.name: command for command in found}


def _of_runs(materials: Materials) -> list[Writing]:
    """Returns the commands on a run, each on that of another paper, and the plan of a config."""
    papers = list(told("BAD_INPUTS"))

    def on_run(number: int) -> Arguments:
        paper = papers[number % len(papers)]

        def arguments(folder: pathlib.Path) -> Sequence[str]:
            materials.copy(f"run:{paper}", folder / "run")
            return [f"--workdir={folder}/run"]

        return arguments

    def to(name: str, number: int) -> Arguments:
        run = on_run(number)
        return lambda folder: [*run(folder), f"--output={folder}/{name}"]

    smallest = next(iter(told("SMALLEST").values()))
    config = f"--config={CONFIGS / smallest}.py:test"
    added = ("run/evaluations.jsonl",)
    # The page of a run counts its evaluations, of which each start adds one.
    page = ("run/page.html",)
    return [
        Writing("evaluate", "jaxrepro.evaluate", on_run(papers.index(_quickest())), added, page),
        *(
            Writing(f"export of {paper}", "jaxrepro.export", to("out", number))
            for number, paper in enumerate(papers)
        ),
        Writing("plot", "jaxrepro.plot", to("curves.png", 0)),
        Writing("report", "jaxrepro.report", to("page.html", 1)),
        Writing(
            "plan",
            "jaxrepro.plan",
            lambda folder: [config, "--device_memory=4GB", f"--output={folder}/plan.json"],
        ),
    ]


def _quickest() -> str:
    """Returns the paper whose run is measured in the shortest time: one without classes."""
    return list(told("BAD_INPUTS"))[-1]


def _of_papers(materials: Materials) -> list[Writing]:
    """Returns every verb of a paper that writes, as the paper's contract calls it."""
    found = []
    for (paper, name), module in verbs().items():
        contract = contract_of(paper)
        make = getattr(contract, "VERBS_THAT_WRITE", {}).get(name)
        if make is None and name in contract.VERB_ARGUMENTS:
            make = contract.VERB_ARGUMENTS[name]
        if make is None or name in getattr(contract, "VERBS_THAT_WRITE_NOTHING", ()):
            continue
        kind = "run" if name in contract.VERBS_OF_RUNS else "export"
        network = name not in contract.VERBS_WITHOUT_NETWORK
        arguments = functools.partial(
            _arguments,
            make=make,
            materials=materials,
            network=f"{kind}:{paper}" if network else "",
        )
        found.append(Writing(f"{paper} {name}", module.__name__, arguments))
    return found


def _arguments(
    folder: pathlib.Path, *, make: Arguments, materials: Materials, network: str
) -> list[str]:
    words = list(map(str, make(folder)))
    if network:
        words.append(f"--model={materials.path(network)}")
    return words


def _claims() -> Writing:
    """Returns the writing of claims, in a copy of the checkout whose pages are out of date."""

    def arguments(folder: pathlib.Path) -> list[str]:
        for name in _OF_CLAIMS:
            if (_ROOT / name).is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(_ROOT / name, folder / name, ignore=ignore)
            else:
                shutil.copy2(_ROOT / name, folder / name)
        (folder / "docs" / "claims.html").unlink()
        return ["--write"]

    return Writing("claims --write", "jaxrepro.claims", arguments, in_folder=True)
