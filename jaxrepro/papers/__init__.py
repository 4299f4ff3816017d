"""The papers: one package each, and the Tasks that configs ask of them."""

import importlib
import importlib.util
import pathlib
import pkgutil
from typing import TYPE_CHECKING, Any

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError

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
