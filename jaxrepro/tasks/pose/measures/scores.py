"""All figures of one set of predictions: every convention, thresholds, joints, with intervals."""

import dataclasses

import numpy as np

from jaxrepro.data.pose.people import People
from jaxrepro.metrics.pose.keypoint_accuracy import (
    AUC_THRESHOLDS,
    UNWEIGHTED,
    Convention,
    JointErrors,
    area_under_curve,
    bootstrap_interval,
    conventions,
    group_shares,
    joint_errors,
    mean_share,
)
from jaxrepro.tasks.pose.measures.accuracy import measurable, torso_sizes


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean in percent, and the interval of 95 % over resampled people."""

    mean: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Scores:
    """Figures of one kind of unit.

    people, labels: how many have a unit, and their labelled joints. means: by threshold and
    convention, "0.5/14_joints/below"; "area/..." is the mean over thresholds from 0 to 0.5 by
    0.01. joints: rows of published tables by threshold, in percent, "elbow" the mean of both.
    """

    people: int
    labels: int
    means: dict[str, Interval]
    joints: dict[str, dict[str, float]]


def score(predictions: np.ndarray, people: People) -> dict[str, Scores]:
    """Returns {"pckh", "pck"}, each where the labels allow it.

    predictions: [N, K, 2] in coordinates of the pictures, in the order of `people`. "pckh": units
    are heads, threshold 0.5, all conventions. "pck": units are torsos, left shoulder to right hip,
    thresholds 0.2 and 0.5, joints weigh the same.
    """
    results = {}
    everywhere = conventions(people.joint_set)
    for name, units, thresholds, chosen in (
        ("pckh", people.head_sizes, (0.5,), everywhere),
        ("pck", torso_sizes(people), (0.2, 0.5), (UNWEIGHTED,)),
    ):
        if measurable(people, units):
            errors = joint_errors(
                predictions, people.joints, people.labelled, units, people.joint_set
            )
            results[name] = _scores(errors, units, thresholds, chosen)
    return results


def _scores(
    errors: JointErrors,
    units: np.ndarray,
    thresholds: tuple[float, ...],
    chosen: tuple[Convention, ...],
) -> Scores:
    means = {
        f"{threshold}/{convention.name(errors.joint_set)}": Interval(
            mean_share(errors, threshold, convention),
            *bootstrap_interval(errors, threshold, convention),
        )
        for threshold in thresholds
        for convention in chosen
    }
    means[f"area/{UNWEIGHTED.name(errors.joint_set)}"] = Interval(
        area_under_curve(errors, UNWEIGHTED),
        *bootstrap_interval(errors, AUC_THRESHOLDS, UNWEIGHTED),
    )
    return Scores(
        people=int(np.isfinite(units).sum()),
        labels=int(errors.counted.sum()),
        means=means,
        joints={f"{threshold}": group_shares(errors, threshold) for threshold in thresholds},
    )
