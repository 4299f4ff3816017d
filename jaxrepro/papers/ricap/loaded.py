"""A trained classifier in Python: what `jaxrepro.load` returns for RICAP."""

import os

from jaxrepro.tasks.classification.trained_classifier import TrainedClassifier, load_classifier


def load(
    path: str | os.PathLike[str], *, step: int | str | None = None, average: bool | None = None
) -> TrainedClassifier:
    """Returns the classifier in `path`; all is as in `core.inference.trained.load`."""
    return load_classifier(path, "ricap", step=step, average=average)
