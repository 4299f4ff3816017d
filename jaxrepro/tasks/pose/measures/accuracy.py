"""PCK and PCKh under the names of results: of predictions, and of guesses without a network."""

import functools
import math

import numpy as np

from jaxrepro.core.task import Caption, PublishedFigure, References
from jaxrepro.data.pose.people import People
from jaxrepro.data.pose.pose_crop import Padding, boxes, crop_matrix, crop_transform, map_points
from jaxrepro.metrics.pose.keypoint_accuracy import (
    ALL_JOINTS,
    LABEL_WEIGHTED,
    UNWEIGHTED,
    JointErrors,
    area_under_curve,
    bootstrap_interval,
    group_shares,
    joint_errors,
    mean_share,
)
from jaxrepro.metrics.pose.pose_baselines import mean_pose, nearest_poses

MEANINGS = {
    "pckh": (
        "joints found within half of the head, in percent: mean over joints that weigh the same, "
        "without pelvis and thorax (PyraNet, Torch hourglass, pytorch-pose)"
    ),
    "pckh_by_label": "the same with each label weighing the same (HRNet, FPD, mmpose)",
    "pckh_all_joints": "as pckh_by_label, with pelvis and thorax (the authors' PyTorch hourglass)",
    "pckh_area": "mean of pckh over thresholds from 0 to 0.5 of the head, in percent",
    "pckh_low": "lower end of the interval of 95 % for pckh over resampled people",
    "pckh_high": "upper end of the interval of 95 % for pckh over resampled people",
    "pck": (
        "joints found within a share of the torso (left shoulder to right hip), in percent: mean "
        "over joints that weigh the same, without pelvis and thorax; people whose torso is not "
        "labelled are left out"
    ),
    "pck_low": "lower end of the interval of 95 % for pck over resampled people",
    "pck_high": "upper end of the interval of 95 % for pck over resampled people",
    "people_with_torso": "how many people pck is measured on",
}

# Predictions without a network: in words, and in the names of results.
_BASELINES = {"the mean pose": "mean_pose", "the nearest neighbour": "nearest"}
_LEVELS = ("pckh@0.5", "pck@0.2", "pck@0.5")
_UNITS = {"pckh": "the head", "pck": "the torso"}
CAPTIONS = {
    "validation/chosen_people": Caption(
        "People found worst, then typical ones, then those found best. White: true; orange and "
        "blue: found, right and left side."
    ),
    "validation/joint_errors": Caption(
        "Left: the median, the middle half and the middle 80 % of each joint's errors. Right: the "
        "share of joints found, by how near is near enough."
    ),
}


def described_results(rows: tuple[PublishedFigure, ...] = (), citation: str = "") -> References:
    """Returns what the results of a run mean and which stand beside others, with published rows."""
    return References(
        rows,
        (),
        {f"validation/{name}": meaning for name, meaning in MEANINGS.items()},
        citation,
        {
            f"validation/{name}": {
                words: f"baselines/{method}_{name}" for words, method in _BASELINES.items()
            }
            for name in _LEVELS
        },
        better={
            f"{evaluator}{name}": "higher"
            for evaluator in ("validation/", *(f"baselines/{x}_" for x in _BASELINES.values()))
            for name in MEANINGS
            if name != "people_with_torso"
        },
        headline="validation/pckh",
        after_at={
            f"{evaluator}{name}": f"within {{}} of {unit}"
            for evaluator in ("validation/", *(f"baselines/{x}_" for x in _BASELINES.values()))
            for name, unit in _UNITS.items()
        },
        captions=CAPTIONS,
    )


def words(people: People) -> str:
    """Returns how many people of which set, for readers."""
    return f"{len(people):,} people of {people.spec}, joints of {people.joint_set.name}"


def measured(predictions: np.ndarray, people: People, *, details: bool = True) -> dict[str, float]:
    """Returns all accuracies in percent that the people's labels allow, by the name of the result.

    predictions: [N, K, 2] in coordinates of the pictures, in the order of `people`. With heads:
    PCKh at 0.5; with a shoulder and a hip: PCK at 0.2 and 0.5. details: the other conventions,
    rows by joint and intervals. What no person has a label for is left out.
    """
    results: dict[str, float] = {}
    given = (predictions, people.joints, people.labelled)
    if measurable(people, people.head_sizes):
        errors = joint_errors(*given, people.head_sizes, people.joint_set)
        results["pckh@0.5"] = mean_share(errors, 0.5, UNWEIGHTED)
        if details:
            results["pckh_by_label@0.5"] = mean_share(errors, 0.5, LABEL_WEIGHTED)
            results["pckh_all_joints@0.5"] = mean_share(errors, 0.5, ALL_JOINTS)
            results["pckh_area"] = area_under_curve(errors, UNWEIGHTED)
            results |= _details("pckh", errors, 0.5)
    torsos = torso_sizes(people)
    if measurable(people, torsos):
        errors = joint_errors(*given, torsos, people.joint_set)
        for threshold in (0.2, 0.5):
            results[f"pck@{threshold}"] = mean_share(errors, threshold, UNWEIGHTED)
            if details:
                results |= _details("pck", errors, threshold)
        if details:
            results["people_with_torso"] = float(np.isfinite(torsos).sum())
    return {name: value for name, value in results.items() if math.isfinite(value)}


def torso_sizes(people: People) -> np.ndarray:
    """Returns the units of PCK in pixels, float64 [N]; NaN for joint sets without such ends."""
    ends = {"left_shoulder", "right_hip"} <= set(people.joint_set.joints)
    return people.torso_sizes if ends else np.full(len(people), np.nan)


def measurable(people: People, units: np.ndarray) -> bool:
    """Returns whether anybody with a labelled joint has a unit, [N], NaN where it is unknown."""
    return bool((people.labelled & np.isfinite(units)[:, None]).any())


def unmeasured(people: People) -> str:
    """Returns why `measured` finds nothing to say of these people, "" if it does."""
    if measurable(people, people.head_sizes) or measurable(people, torso_sizes(people)):
        return ""
    if not people.labelled.any():
        return "nothing measured: no person has a labelled joint"
    return (
        "nothing measured: no person has both ends of the torso (left_shoulder and right_hip), and "
        "none has a head"
    )


def _details(name: str, errors: JointErrors, threshold: float) -> dict[str, float]:
    low, high = bootstrap_interval(errors, threshold, UNWEIGHTED)
    rows = group_shares(errors, threshold)
    return {
        f"{name}_low@{threshold}": low,
        f"{name}_high@{threshold}": high,
        **{f"{name}_{row}@{threshold}": share for row, share in rows.items()},
    }


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
