"""The papers: one package each, and the Tasks that configs ask of them."""

import importlib
import pathlib
import pkgutil
from typing import TYPE_CHECKING, Any

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError

if TYPE_CHECKING:
    from jaxrepro.core.files.places import Place
    from jaxrepro.core.task import Task


def paper_names() -> list[str]:
    """Returns all papers: the packages in this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def task_names() -> list[str]:
    """Returns the papers that can be trained: the packages that have a `task.py`."""
    folders = [pathlib.Path(folder) for folder in __path__]
    return [
        name
        for name in paper_names()
        if any((folder / name / "task.py").is_file() for folder in folders)
    ]


def make_task(settings: Settings) -> "Task":
    """Returns the Task of the paper that `settings.task` names, over `num_seeds` seeds.

    Raises InputError if there is no such paper or the paper refuses the settings.
    """
    name = settings.one_of("task", task_names())
    # Here, because config files name this package before JAX is set up.
    from jaxrepro.core.seeds import make_seeds_task

    paper = importlib.import_module(f"jaxrepro.papers.{name}.task")
    with settings.understood():
        return make_seeds_task(settings, paper.from_settings)


def read_task(workdir: "Place") -> "tuple[dict[str, Any], Settings, Task]":
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
