"""What predictions without a network find: the measure of what a trained one has learnt."""

import functools

import numpy as np

from jaxrepro.data.people import People
from jaxrepro.data.pose_crop import Padding, boxes, crop_matrix, crop_transform, map_points
from jaxrepro.metrics.pose_baselines import mean_pose, nearest_poses

# Side of the crops that are compared for the nearest neighbour: more detail finds no better ones.
THUMBNAIL = 32


class PosesWithoutNetwork:
    """Poses of training people, for others: their mean, and that of the most similar crop."""

    def __init__(self, train: People, padding: Padding):
        self._train = train
        self._padding = padding

    def __call__(self, crops: np.ndarray) -> dict[str, np.ndarray]:
        """Returns {"mean_pose", "nearest"}: joints in pixels of the crops, float64 [N, K, 2].

        crops: uint8 [N, THUMBNAIL, THUMBNAIL, 3], cut with the same padding.
        """
        joints, labelled = self._joints, self._train.labelled
        return {
            "mean_pose": np.tile(mean_pose(joints, labelled), (len(crops), 1, 1)),
            "nearest": nearest_poses(crops, self._crops, joints, labelled),
        }

    @functools.cached_property
    def _joints(self) -> np.ndarray:
        """Joints of the training people in pixels of their crops, float64 [N, K, 2]."""
        centers, scales = boxes(self._train, self._padding)
        return np.stack(
            [
                map_points(crop_matrix(center, float(scale), THUMBNAIL), joints)
                for center, scale, joints in zip(centers, scales, self._train.joints, strict=True)
            ]
        )

    @functools.cached_property
    def _crops(self) -> np.ndarray:
        return thumbnails(self._train, self._padding)


def thumbnails(people: People, padding: Padding) -> np.ndarray:
    """Returns small crops of all people, uint8 [N, THUMBNAIL, THUMBNAIL, 3]."""
    prepare = crop_transform(THUMBNAIL, padding).prepare
    return np.stack([prepare(people[i])["image"] for i in range(len(people))])
