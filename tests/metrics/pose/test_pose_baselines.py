import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.pose_crop import JOINT_BOX_PADDING, boxes, crop_transform
from jaxrepro.data.pose.pose_sets import open_people
from jaxrepro.metrics.pose.keypoint_accuracy import UNWEIGHTED, joint_errors, mean_share
from jaxrepro.metrics.pose.pose_baselines import mean_pose, nearest_poses
from jaxrepro.metrics.pose.pose_decode import to_picture


def test_means_leave_out_what_is_not_labelled():
    joints = np.array([[[1.0, 2], [9, 9]], [[3, 6], [5, 4]]])
    labelled = np.array([[True, False], [True, True]])
    assert mean_pose(joints, labelled).tolist() == [[2, 4], [5, 4]]
    with pytest.raises(InputError, match="joint 1 is labelled in nobody"):
        mean_pose(joints[:1], labelled[:1])


def test_neighbours_are_found_through_brightness_and_contrast():
    train = np.random.default_rng(0).integers(50, 200, (5, 4, 4, 3)).astype(np.uint8)
    joints = np.arange(20.0).reshape(5, 2, 2)
    labelled = np.ones((5, 2), bool)
    labelled[3, 1] = False
    crops = (train[[3, 1]] * 0.5 + 20).astype(np.uint8)
    given = nearest_poses(crops, train, joints, labelled)
    expected = joints[[3, 1]].copy()
    expected[0, 1] = joints[[0, 1, 2, 4], 1].mean(axis=0)
    np.testing.assert_allclose(given, expected)


def test_the_mean_pose_of_lspet(data_folder):
    """0.036 and 0.237 were measured by other code on the same split."""
    spec = f"lspet:{data_folder / 'data' / 'lspet'}"
    train, test = (open_people(spec, split=split) for split in ("1-1000", "1001-1250"))
    centers, scales = boxes(train, JOINT_BOX_PADDING)
    placed = (train.joints - centers[:, None]) / (200 * scales)[:, None, None] * 128 + 64
    # As the transform places them.
    item = crop_transform(128, JOINT_BOX_PADDING).prepare(train[4])
    np.testing.assert_allclose(item["joints"], placed[4], rtol=1e-5, atol=1e-3)
    mean = np.broadcast_to(mean_pose(placed, train.labelled), (250, 14, 2))
    found = to_picture(mean, *boxes(test, JOINT_BOX_PADDING), 128)
    errors = joint_errors(found, test.joints, test.labelled, test.torso_sizes, test.joint_set)
    assert round(mean_share(errors, 0.2, UNWEIGHTED) / 100, 3) == 0.036
    assert round(mean_share(errors, 0.5, UNWEIGHTED) / 100, 3) == 0.237
