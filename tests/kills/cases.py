"""Which commands are killed."""

import pathlib

from tests.kills import preparing
from tests.kills.training import Training
from tests.kills.victim import Command

PAPERS = (
    Training("biggan", "configs/biggan_digits.py:test", more=("--config.guard.every=4",)),
    Training(
        "srcnn",
        "configs/srcnn.py:test",
        more=(
            "--config.eval.pictures_every=12",
            # The worst one for the best, as an early checkpoint that must outlive the later ones.
            "--config.checkpoint.best_metric=photos_test/psnr",
            "--config.checkpoint.best_mode=min",
        ),
    ),
    Training("pyranet", "configs/pyranet.py:test"),
    Training("scfegan", "configs/scfegan.py:test"),
)


def commands(folder: pathlib.Path) -> dict[str, Command]:
    """Returns every command by its name; pictures to prepare are made in `folder`."""
    images, faces = preparing.images(folder / "pictures"), preparing.faces(folder / "faces")
    found: tuple[Command, ...] = (*PAPERS, images, faces)
    return {command.name: command for command in found}
