"""A trained network in Python: what `jaxrepro.load` returns for people and for images' classes."""

import os
import pathlib

from jaxrepro.core.inference.trained import card_at
from jaxrepro.papers.pyranet.classification.classifiers import classifier_from_card
from jaxrepro.papers.pyranet.trained import load_trained
from jaxrepro.tasks.classification.trained_classifier import TrainedClassifier, load_classifier
from jaxrepro.tasks.pose.inference.hourglass_files import PYTORCH_HOURGLASS
from jaxrepro.tasks.pose.inference.loaded_pose import PoseFinder

PUBLISHED = PYTORCH_HOURGLASS.described


def fits(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a published checkpoint."""
    return PYTORCH_HOURGLASS.fits(pathlib.Path(path))


def load(
    path: str | os.PathLike[str], *, step: int | str | None = None, average: bool | None = None
) -> PoseFinder | TrainedClassifier:
    """Returns the network in `path`: one that finds joints, or one that tells classes apart.

    All is as in `core.inference.trained.load`.
    """
    card = card_at(path)
    if card is not None and card.get("paper") == "pyranet" and "class_names" in card:
        return load_classifier(
            path, "pyranet", network_from_card=classifier_from_card, step=step, average=average
        )
    return PoseFinder(load_trained(path, step, average=average))
