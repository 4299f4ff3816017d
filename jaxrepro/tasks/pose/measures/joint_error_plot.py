"""A plot of the errors of each joint, and of the share that is found by how near is near enough."""

import io

import numpy as np
from PIL import Image

from jaxrepro.data.pose.people import People
from jaxrepro.metrics.pose.keypoint_accuracy import (
    AUC_THRESHOLDS,
    JointErrors,
    group_shares,
    joint_errors,
)
from jaxrepro.tasks.pose.measures.accuracy import measurable, torso_sizes

# Errors beyond are drawn at the edge: a joint far off is far off.
_FARTHEST = 2.0


def joint_error_plot(predictions: np.ndarray, people: People) -> np.ndarray | None:
    """Returns the plot, uint8 [H, W, 3]: in heads where they are known, else in torsos.

    predictions: [N, K, 2] in coordinates of the pictures. At the left the median, the middle half
    and the middle 80 % of each joint's errors; at the right PCK or PCKh over its threshold. None if
    no labelled joint has a unit.
    """
    for unit, name, sizes in (
        ("heads", "PCKh", people.head_sizes),
        ("torsos", "PCK", torso_sizes(people)),
    ):
        if measurable(people, sizes):
            errors = joint_errors(
                predictions, people.joints, people.labelled, sizes, people.joint_set
            )
            return _draw(errors, unit, name)
    return None


def error_quantiles(errors: JointErrors, shares: tuple[float, ...]) -> np.ndarray:
    """Returns the quantiles of each joint's errors, float64 [len(shares), K]; NaN without labels.

    shares: each in [0, 1].
    """
    columns = [
        np.quantile(values[counted], shares) if counted.any() else np.full(len(shares), np.nan)
        for values, counted in zip(errors.errors.T, errors.counted.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def _draw(errors: JointErrors, unit: str, name: str) -> np.ndarray:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    joints = errors.joint_set.joints
    places = np.arange(len(joints))
    low, first, median, third, high = np.minimum(
        error_quantiles(errors, (0.1, 0.25, 0.5, 0.75, 0.9)), _FARTHEST
    )
    left.hlines(places, low, high, color="tab:blue", linewidth=1)
    left.hlines(places, first, third, color="tab:blue", linewidth=5)
    left.plot(median, places, "o", color="black", markersize=5)
    counts = errors.counted.sum(axis=0).tolist()
    labels = [f"{joint.replace('_', ' ')} ({n})" for joint, n in zip(joints, counts, strict=True)]
    left.set_yticks(places, labels, fontsize=8)
    left.invert_yaxis()
    left.set_xlim(0, _FARTHEST)
    left.set_xlabel(f"error in {unit}: median, middle half, middle 80 % (labels)")
    curves = [group_shares(errors, threshold) for threshold in AUC_THRESHOLDS.tolist()]
    for group in curves[0]:
        right.plot(AUC_THRESHOLDS, [shares[group] for shares in curves], label=group)
    right.set_xlabel(f"threshold in {unit}")
    right.set_ylabel(f"{name}, percent")
    right.set_ylim(0, 100)
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.grid(alpha=0.3)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    file.seek(0)
    return np.asarray(Image.open(file).convert("RGB"))
