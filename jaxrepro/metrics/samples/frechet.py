"""Frechet distance between Gaussians fitted to two sets of features (FID, Heusel et al. 2017)."""

import dataclasses
from typing import Self

import numpy as np

from jaxrepro.core.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """Count, mean and scatter of feature vectors; immutable, summed on the host in float64.

    Merging parts gives what all the features at once give, up to float64 rounding, in any order
    and grouping: the result does not depend on the batch size or the number of processes.

    Attributes:
      count: number of vectors N.
      mean: [D].
      scatter: [D, D], the sum over vectors of (x - mean)(x - mean)^T.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def empty(cls, num_features: int) -> Self:
        """Moments of no vectors of length `num_features`."""
        return cls(0, np.zeros(num_features), np.zeros((num_features, num_features)))

    @classmethod
    def of(cls, features: np.ndarray) -> Self:
        """Moments of `features`: [N, D], N >= 1."""
        features = np.asarray(features, np.float64)
        if features.ndim != 2 or len(features) == 0:
            raise InputError(f"features of shape {features.shape} given; they must be [N, D]")
        mean = features.mean(axis=0)
        centred = features - mean
        return cls(len(features), mean, centred.T @ centred)

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance [D, D]; InputError for fewer than 2 vectors."""
        if self.count < 2:
            raise InputError(f"a covariance needs at least 2 samples, {self.count} given; add more")
        return self.scatter / (self.count - 1)

    def add(self, features: np.ndarray) -> Self:
        """Moments of these vectors and `features`: [N, D], N >= 1."""
        return self.merge(type(self).of(features))

    def merge(self, other: Self) -> Self:
        """Moments of both sets of vectors (Chan, Golub and LeVeque 1979)."""
        if self.mean.shape != other.mean.shape:
            raise InputError(
                f"moments of {len(self.mean)} and of {len(other.mean)} features cannot be merged; "
                "take both from the same feature space"
            )
        count = self.count + other.count
        if count == 0:
            return self
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        between = np.outer(step, step) * (self.count * other.count / count)
        return type(self)(count, mean, self.scatter + other.scatter + between)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Squared Frechet distance |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2).

    In float64 by symmetric eigen-decompositions, which exist for every covariance: with N <= D
    samples the covariance has rank N - 1 and the distance of the two (degenerate) Gaussians is
    still right, to about 1e-7 of the traces, where a Newton-Schulz root or `sqrtm(C_a C_b)` turns
    to NaN or complex numbers. Right about the Gaussians, that is: its expectation over samples
    falls as N grows, so compare distances at equal N only.

    Returns NaN if a moment is not finite.

    Raises:
      InputError: for fewer than 2 samples on a side, or features of different lengths.
    """
    covariance_a, covariance_b = a.covariance, b.covariance
    if covariance_a.shape != covariance_b.shape:
        raise InputError(
            f"moments of {len(a.mean)} and of {len(b.mean)} features cannot be compared; "
            "take both from the same feature space"
        )
    parts = (a.mean, b.mean, covariance_a, covariance_b)
    if not all(np.isfinite(part).all() for part in parts):
        return float("nan")
    root_a = _root(covariance_a)
    inner = np.linalg.eigvalsh(root_a @ covariance_b @ root_a)
    overlap = np.sqrt(np.maximum(inner, 0)).sum()
    shift = np.square(a.mean - b.mean).sum()
    distance = shift + np.trace(covariance_a) + np.trace(covariance_b) - 2 * overlap
    return float(max(distance, 0))


def frechet_distance_of(features_a: np.ndarray, features_b: np.ndarray) -> float:
    """The same distance between two sets of features, [N, D] and [M, D], N and M >= 2.

    Where both sets are small it needs no D x D matrix: with centred features A and B,
    tr (C_a^1/2 C_b C_a^1/2)^1/2 is the sum of singular values of A B^T / sqrt((N-1) (M-1)).

    Returns NaN if a feature is not finite.

    Raises:
      InputError: as `frechet_distance`.
    """
    a, b = np.asarray(features_a, np.float64), np.asarray(features_b, np.float64)
    enough = a.ndim == b.ndim == 2 and min(len(a), len(b)) >= 2
    if not enough or a.shape[1] != b.shape[1] or max(len(a), len(b)) > a.shape[1]:
        return frechet_distance(Moments.of(a), Moments.of(b))
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan")
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    a = (a - mean_a) / np.sqrt(len(a) - 1)
    b = (b - mean_b) / np.sqrt(len(b) - 1)
    overlap = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    distance = np.square(mean_a - mean_b).sum() + np.square(a).sum() + np.square(b).sum()
    return float(max(distance - 2 * overlap, 0))


def _root(covariance: np.ndarray) -> np.ndarray:
    """Symmetric positive square root; eigenvalues that rounding made negative count as zero."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
