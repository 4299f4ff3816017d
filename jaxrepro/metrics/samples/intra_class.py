"""Frechet distance within classes (intra-FID, Miyato and Koyama 2018), in float64."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.samples.frechet import frechet_distance_of


@dataclasses.dataclass(frozen=True)
class IntraClassDistance:
    """Frechet distances between real and generated samples of the same class.

    Attributes:
      mean: over the classes in `per_class`, each counted once.
      per_class: the distance by class, in ascending order of the classes.
      too_few: by class left out of the mean, its numbers of (real, generated) samples.
    """

    mean: float
    per_class: Mapping[int, float]
    too_few: Mapping[int, tuple[int, int]]


def intra_class_frechet_distance(
    real: np.ndarray,
    real_labels: np.ndarray,
    generated: np.ndarray,
    generated_labels: np.ndarray,
    *,
    min_samples: int = 2,
) -> IntraClassDistance:
    """Mean over classes of the Frechet distance within the class, with what it is made of.

    The classes are those of either set. A class with fewer than `min_samples` on a side is left
    out and named. A class has few samples, so its distance is far above the limit of many: compare
    at equal numbers a class only.

    Args:
      real: [N, D] features of real samples; real_labels: int [N].
      generated: [M, D] features of generated samples; generated_labels: int [M].
      min_samples: 2 or more.

    Raises:
      InputError: for arrays of another form, or if no class has enough samples.
    """
    real, real_labels = _checked(real, real_labels, "real")
    generated, generated_labels = _checked(generated, generated_labels, "generated")
    if min_samples < 2:
        raise InputError(f"min_samples={min_samples} given; a covariance needs 2 samples or more")
    per_class: dict[int, float] = {}
    too_few: dict[int, tuple[int, int]] = {}
    for label in np.union1d(real_labels, generated_labels).tolist():
        members = real[real_labels == label], generated[generated_labels == label]
        counts = len(members[0]), len(members[1])
        if min(counts) < min_samples:
            too_few[label] = counts
        else:
            per_class[label] = frechet_distance_of(*members)
    if not per_class:
        raise InputError(
            f"no class has {min_samples} real and {min_samples} generated samples; add samples"
        )
    return IntraClassDistance(float(np.mean(list(per_class.values()))), per_class, too_few)


def _checked(features: np.ndarray, labels: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    features, labels = np.asarray(features), np.asarray(labels)
    if (
        features.ndim != 2
        or labels.shape != features.shape[:1]
        or not np.issubdtype(labels.dtype, np.integer)
    ):
        raise InputError(
            f"{what} features of shape {features.shape} with labels of shape {labels.shape} and "
            f"type {labels.dtype} given; they must be [N, D] and one integer a row"
        )
    return features, labels
