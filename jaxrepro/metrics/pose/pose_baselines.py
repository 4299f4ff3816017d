"""Poses predicted without a network: what a trained one must beat."""

import numpy as np

from jaxrepro.core.errors import InputError


def mean_pose(joints: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Returns the mean place of each joint over the people who have it, float64 [K, 2].

    joints: [N, K, 2] in crops of one size. labelled: bool [N, K]. Raises InputError if a joint is
    labelled nowhere.
    """
    counts = labelled.sum(axis=0)
    if not counts.all():
        raise InputError(f"joint {int(counts.argmin())} is labelled in nobody; give more people")
    return np.where(labelled[..., None], joints, 0.0).sum(axis=0) / counts[:, None]


def nearest_poses(
    crops: np.ndarray, train_crops: np.ndarray, joints: np.ndarray, labelled: np.ndarray
) -> np.ndarray:
    """Returns for each crop the joints of the most similar training crop, float64 [M, K, 2].

    crops: uint8 [M, S, S, 3]. train_crops: uint8 [N, S, S, 3], with `joints` [N, K, 2] and
    `labelled` [N, K]. Similar are crops whose grey values, brought to mean 0 and deviation 1,
    correlate. A joint that the neighbour lacks is that of the mean pose.
    """
    similarity = _standardised(crops) @ _standardised(train_crops).T
    nearest = similarity.argmax(axis=1)
    return np.where(labelled[nearest][..., None], joints[nearest], mean_pose(joints, labelled))


def _standardised(crops: np.ndarray) -> np.ndarray:
    """Returns grey values of mean 0 and length 1, float64 [N, S S]; 0 for a crop of one grey."""
    grey = crops.mean(axis=-1, dtype=np.float64).reshape(len(crops), -1)
    grey -= grey.mean(axis=1, keepdims=True)
    length = np.linalg.norm(grey, axis=1, keepdims=True)
    return grey / np.where(length > 0, length, 1)
