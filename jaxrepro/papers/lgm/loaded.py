"""A trained classifier in Python: what `jaxrepro.load` returns for L-GM."""

import os
from typing import Any

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.papers.lgm.heads import network_from_card
from jaxrepro.tasks.classification.trained_classifier import TrainedClassifier, load_classifier


class MixtureClassifier(TrainedClassifier):
    """A classifier that says how typical an image is, where its classes are Gaussians."""

    def log_likelihood(self, images: Any) -> np.ndarray:
        """Returns each class's log-density of features up to a constant, float32 [N, K] or [K].

        The highest says how typical an image is. images: as of `classify`; InputError as there, and
        for a network without Gaussians.
        """
        if not self.module.head.is_mixture:
            raise InputError(f"{self.origin} has no likelihoods: its head is {self.title}")
        return self.scores(images)

    def gaussians(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Returns means [K, D] and deviations [K] (of diagonals their mean), None without."""
        if not self.module.head.is_mixture:
            return None
        last = self.variables["params"]["logits"]
        means = np.asarray(last["means"])
        log_variances = np.asarray(last.get("log_variances", np.zeros(len(means))))
        return means, np.exp(log_variances.reshape(len(means), -1).mean(axis=1) / 2)


def load(
    path: str | os.PathLike[str], *, step: int | str | None = None, average: bool | None = None
) -> MixtureClassifier:
    """Returns the classifier in `path`; all is as in `core.inference.trained.load`."""
    choices = {"step": step, "average": average}
    found = load_classifier(path, "lgm", network_from_card=network_from_card, **choices)
    return MixtureClassifier(**vars(found))
