"""Measurements for Weights & Biases, where a config asks for them: `log.wandb` is the project.

The package wandb is of the extra of that name. It writes to its own process, and to the workdir
where it has no network or WANDB_MODE=offline says so; `wandb sync` sends that later.
"""

import importlib
import importlib.util
import pathlib
import secrets
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.places import Place, exists
from jaxrepro.core.run.workdir import CONFIG, read_json, write_json
from jaxrepro.core.task import Image

# In the workdir: what a continuation is the same run by.
ID_FILE = "wandb.json"


class WandbWriter:
    """A run of that project, the same one again where the workdir has been one."""

    def __init__(self, project: str, workdir: Place):
        """Raises InputError, in one line, if wandb is absent or refuses to begin."""
        if importlib.util.find_spec("wandb") is None:
            raise InputError(
                f"log.wandb={project!r} needs wandb, which is not installed: "
                "pip install 'jaxrepro[wandb]', or leave log.wandb empty"
            )
        # By name: type checkers run where the extra is not installed.
        wandb = importlib.import_module("wandb")
        self._image = wandb.Image
        config = read_json(workdir / CONFIG) if exists(workdir / CONFIG) else {}
        try:
            self._run = wandb.init(
                project=project,
                id=_id_of(project, workdir),
                resume="allow",
                name=workdir.name,
                config=config,
                dir=workdir if isinstance(workdir, pathlib.Path) else None,
                settings=wandb.Settings(silent=True, console="off", disable_git=True),
            )
        # What it raises where there is no key and no network is of several kinds.
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            raise InputError(
                f"log.wandb={project!r}: {text}; give `wandb login`, or WANDB_MODE=offline"
            ) from error
        # A continuation repeats steps after its checkpoint, and wandb's own steps only go up.
        self._run.define_metric("*", step_metric="step")

    def write(self, step: int, results: Mapping[str, float | Image]) -> None:
        """Hands numbers and pictures over."""
        values: dict[str, Any] = {
            name: self._image(np.asarray(value.pixels))
            if isinstance(value, Image)
            else float(value)
            for name, value in results.items()
        }
        self._run.log({"step": step, **values})

    def flush(self) -> None:
        """Does nothing: wandb writes in its own time.

        The last numbers before a kill may be missing there; metrics.jsonl has them.
        """

    def close(self) -> None:
        """Waits until all is written, or sent."""
        self._run.finish()


def _id_of(project: str, workdir: Place) -> str:
    """Returns the run's id in the project: what an earlier start has kept, or a new one."""
    kept = read_json(workdir / ID_FILE) if exists(workdir / ID_FILE) else {}
    if kept.get("project") != project or not isinstance(kept.get("id"), str):
        kept = {"project": project, "id": secrets.token_hex(4)}
        write_json(workdir / ID_FILE, kept)
    return kept["id"]
