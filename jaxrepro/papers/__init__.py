"""The papers: one package each, and the Tasks that configs ask of them."""

import importlib
import importlib.util
import inspect
import os
import pathlib
import pkgutil
from typing import TYPE_CHECKING, Any

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import local_path

if TYPE_CHECKING:
    from jaxrepro.core.files.places import Place
    from jaxrepro.evidence.claim import Claim


def paper_names() -> list[str]:
    """Returns all papers: the packages in this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def titles() -> dict[str, str]:
    """Returns the first line of every paper's package, by the paper's name."""
    docs = {
        name: importlib.import_module(f"jaxrepro.papers.{name}").__doc__ for name in paper_names()
    }
    return {name: (doc or name).partition("\n")[0].rstrip(".") for name, doc in docs.items()}


def all_claims() -> "tuple[Claim, ...]":
    """Returns the claims of all papers: the tuple CLAIMS of each one's `claims.py`.

    Raises InputError for two of one name, or one that is called after another paper.
    """
    from jaxrepro.evidence.listing import checked

    found: list[Claim] = []
    for name in paper_names():
        if importlib.util.find_spec(f"jaxrepro.papers.{name}.claims") is None:
            continue
        module = importlib.import_module(f"jaxrepro.papers.{name}.claims")
        for claim in checked(module.CLAIMS, module.__name__):
            if claim.paper != name:
                raise InputError(f"{module.__name__}: claim {claim.name} is of another paper")
            found.append(claim)
    return tuple(found)


def task_names() -> list[str]:
    """Returns the papers that can be trained: the packages that have a `task.py`."""
    folders = [pathlib.Path(folder) for folder in __path__]
    return [
        name
        for name in paper_names()
        if any((folder / name / "task.py").is_file() for folder in folders)
    ]


def make_task(settings: Settings) -> Any:
    """Returns the Task of the paper that `settings.task` names, over `num_seeds` seeds.

    Raises InputError if there is no such paper or the paper refuses the settings.
    """
    name = settings.one_of("task", task_names())
    # Here, because config files name this package before JAX is set up.
    from jaxrepro.core.seeds import make_seeds_task

    paper = importlib.import_module(f"jaxrepro.papers.{name}.task")
    with settings.understood():
        return make_seeds_task(settings, paper.from_settings)


def load(path: str | os.PathLike[str], paper: str | None = None, **choices: Any) -> Any:
    """Returns the trained network in `path`, in the form in which its paper is used from Python.

    It is what `load` of the paper's `loaded.py` returns. path, choices: as `jaxrepro.load` has
    them. Raises InputError if no paper reads it, or one does and refuses it.
    """
    from jaxrepro.core.inference.trained import card_at

    known = loadable_papers()
    if paper is None:
        card = card_at(path)
        paper = None if card is None else str(card.get("paper"))
    if paper is None:
        return _load_published(path, choices)
    if paper not in known:
        raise InputError(f"{os.fspath(path)}: paper is {paper!r}; known are {', '.join(known)}")
    return _load_of(paper, path, choices)


def loadable_papers() -> list[str]:
    """Returns the papers whose networks are used from Python: those that have a `loaded.py`."""
    folders = [pathlib.Path(folder) for folder in __path__]
    return [
        name
        for name in paper_names()
        if any((folder / name / "loaded.py").is_file() for folder in folders)
    ]


def _load_of(paper: str, path: str | os.PathLike[str], choices: dict[str, Any]) -> Any:
    load = importlib.import_module(f"jaxrepro.papers.{paper}.loaded").load
    given = {name: value for name, value in choices.items() if value is not None}
    allowed = [name for name in inspect.signature(load).parameters if name != "path"]
    if strange := [name for name in given if name not in allowed]:
        raise InputError(
            f"{strange[0]}={given[strange[0]]!r} is no choice for a network of {paper}; choices "
            f"are {', '.join(allowed)}"
        )
    return load(path, **given)


def _load_published(path: str | os.PathLike[str], choices: dict[str, Any]) -> Any:
    """Returns the network in a published file, of the one paper that can read it."""
    where = local_path(os.fspath(path))
    modules = {
        name: importlib.import_module(f"jaxrepro.papers.{name}.loaded")
        for name in loadable_papers()
    }
    readers = {name: module for name, module in modules.items() if hasattr(module, "fits")}
    refusals = {}
    for name in [name for name, module in readers.items() if module.fits(where)]:
        try:
            return _load_of(name, where, choices)
        except InputError as error:
            refusals[name] = error
    if len(refusals) == 1:
        raise next(iter(refusals.values()))
    if refusals:
        said = "; ".join(f"as one of {name}: {error}" for name, error in refusals.items())
        raise InputError(f"{where} is read by no paper. {said}")
    files = ", ".join(module.PUBLISHED for module in readers.values())
    looks = "is no trained network" if where.exists() else "is not there"
    raise InputError(f"{where} {looks}; give the folder of a run or of an export, or {files}")


def read_task(workdir: "Place") -> "tuple[dict[str, Any], Settings, Any]":
    """Returns (config, its settings, Task) of a run as its `config.json` describes them.

    Raises InputError that names the file if there is no such run, or no Task can be made of it.
    """
    from jaxrepro.core.run.workdir import CONFIG, read_config

    saved = read_config(workdir)
    settings = Settings(saved)
    try:
        return saved, settings, make_task(settings)
    except InputError as error:
        raise InputError(f"{workdir / CONFIG}: {error}") from error
