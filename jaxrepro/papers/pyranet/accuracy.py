"""PCK and PCKh of predicted joints under the names of results."""

import math

import numpy as np

from jaxrepro.data.people import People
from jaxrepro.metrics.keypoint_accuracy import (
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


def _details(name: str, errors: JointErrors, threshold: float) -> dict[str, float]:
    low, high = bootstrap_interval(errors, threshold, UNWEIGHTED)
    rows = group_shares(errors, threshold)
    return {
        f"{name}_low@{threshold}": low,
        f"{name}_high@{threshold}": high,
        **{f"{name}_{row}@{threshold}": share for row, share in rows.items()},
    }
