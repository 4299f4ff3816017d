"""Which commands are killed."""

import pathlib

from tests.contracts import told
from tests.kills import preparing
from tests.kills.training import Training
from tests.kills.victim import Command

PAPERS = tuple(Training(paper, **killed) for paper, killed in told("KILLED").items())


def commands(folder: pathlib.Path) -> dict[str, Command]:
    """Returns every command by its name; pictures to prepare are made in `folder`."""
    images, faces = preparing.images(folder / "pictures"), preparing.faces(folder / "faces")
    found: tuple[Command, ...] = (*PAPERS, images, faces)
    return {command.name: command for command in found}
