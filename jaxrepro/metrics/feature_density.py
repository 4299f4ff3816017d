"""Features of classes as clusters: how tight they are, and how typical others are of them."""

import numpy as np


def variance_ratio(features: np.ndarray, labels: np.ndarray) -> float:
    """Returns the variance between classes over that within, both traces of covariances.

    features: [N, D]; labels: int [N].
    """
    x, means = np.asarray(features, np.float64), _class_means(features, labels)
    within = np.square(x - means[labels]).sum(axis=1).mean()
    between = np.square(means[labels] - x.mean(axis=0)).sum(axis=1).mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(between / within)


def fitted_scores(features: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns how typical `others`, [M, D], are of Gaussians fitted to features [N, D]: [M].

    A mean a class and one covariance of all; the score is minus half the squared distance to the
    nearest mean, for any network's features. K. Lee et al., "A Simple Unified Framework for
    Detecting Out-of-Distribution Samples and Adversarial Attacks", NeurIPS 2018.
    """
    x, means = np.asarray(features, np.float64), _class_means(features, labels)
    centred = x - means[labels]
    covariance = centred.T @ centred / len(x)
    # Features may lie in fewer dimensions than they have.
    least = 1e-6 * max(np.trace(covariance) / len(covariance), 1e-30)
    white = np.linalg.cholesky(np.linalg.inv(covariance + least * np.eye(len(covariance))))
    known = means[np.unique(labels)] @ white
    differences = (np.asarray(others, np.float64) @ white)[:, None] - known
    return -np.square(differences).sum(axis=2).min(axis=1) / 2


def _class_means(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the mean of each class, float64 [K, D]; NaN for classes without features."""
    means = np.full((int(labels.max()) + 1, features.shape[1]), np.nan)
    for label in np.unique(labels):
        means[label] = features[labels == label].mean(axis=0, dtype=np.float64)
    return means
