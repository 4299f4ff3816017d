"""PCK and PCKh: the share of joints that are found, in the conventions of published code.

All functions work in float64 on the host. A joint is found if its error, in units of the head or
the torso, is below a threshold. Published means differ in which joints count, in whether each joint
or each label weighs the same, and in "below" or "at most": every mean here names its convention.
"""

import dataclasses
import functools
from typing import Literal

import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.data.pose.joint_sets import JointSet

# Pelvis and thorax lie inside the trunk; most tables leave them out.
_TRUNK = ("pelvis", "thorax")
# Rows of published tables; left and right are averaged.
_GROUPS = {
    "head": ("head_top",),
    "shoulder": ("right_shoulder", "left_shoulder"),
    "elbow": ("right_elbow", "left_elbow"),
    "wrist": ("right_wrist", "left_wrist"),
    "hip": ("right_hip", "left_hip"),
    "knee": ("right_knee", "left_knee"),
    "ankle": ("right_ankle", "left_ankle"),
}
AUC_THRESHOLDS = np.arange(51) / 100


@dataclasses.dataclass(frozen=True)
class Convention:
    """How a mean over joints is taken.

    trunk: pelvis and thorax count. weights: "joints", the mean of the joints' shares; "labels", the
      share of all labelled joints. strict: an error equal to the threshold is a miss.
    """

    trunk: bool = False
    weights: Literal["joints", "labels"] = "joints"
    strict: bool = True

    def name(self, joint_set: JointSet) -> str:
        """Returns the joints, what weighs the same and the comparison: "14_joints/below"."""
        comparison = "below" if self.strict else "at_most"
        return f"{len(self.joints(joint_set))}_{self.weights}/{comparison}"

    def joints(self, joint_set: JointSet) -> np.ndarray:
        """Returns the numbers of the joints that count."""
        kept = [self.trunk or joint not in _TRUNK for joint in joint_set.joints]
        return np.flatnonzero(kept)


# PyraNet, Torch hourglass, pytorch-pose.
UNWEIGHTED = Convention()
# HRNet, FPD, mmpose.
LABEL_WEIGHTED = Convention(weights="labels", strict=False)
# The PyTorch hourglass of the authors: all 16 joints.
ALL_JOINTS = Convention(trunk=True, weights="labels")


@dataclasses.dataclass(frozen=True, eq=False)
class JointErrors:
    """Errors of predictions in units of the head or torso.

    errors: float64 [N, K]. counted: bool [N, K], which of them have a truth and a unit.
    """

    joint_set: JointSet
    errors: np.ndarray
    counted: np.ndarray

    def __len__(self) -> int:
        return len(self.errors)


def joint_errors(
    predictions: np.ndarray,
    truth: np.ndarray,
    labelled: np.ndarray,
    units: np.ndarray,
    joint_set: JointSet,
) -> JointErrors:
    """Returns the distances between predictions and truth by `units`.

    predictions, truth: [N, K, 2] in pixels of the picture. labelled: bool [N, K]. units: [N] in
    pixels: `People.head_sizes` for PCKh, `People.torso_sizes` for PCK. A person whose unit is
    NaN is left out.

    Raises InputError if no labelled joint is left, a unit is not positive, or shapes differ.
    """
    predictions, truth = np.asarray(predictions, np.float64), np.asarray(truth, np.float64)
    units = np.asarray(units, np.float64)
    num = len(joint_set)
    if predictions.shape != truth.shape or truth.shape[1:] != (num, 2) or len(units) != len(truth):
        raise InputError(
            f"predictions {predictions.shape}, truth {truth.shape} and {len(units)} units given; "
            f"all must be of the same people, with {num} joints"
        )
    known = np.isfinite(units)
    if (units[known] <= 0).any():
        raise InputError("a head or torso of no size given; it must be positive, or NaN if unknown")
    counted = np.asarray(labelled, bool) & known[:, None]
    if not counted.any():
        raise InputError("no labelled joint of a person with a known unit; give other people")
    distances = np.linalg.norm(predictions - truth, axis=-1)
    errors = np.where(counted, distances, 0) / np.where(known, units, 1)[:, None]
    return JointErrors(joint_set, errors, counted)


def found(errors: JointErrors, threshold: float, *, strict: bool) -> np.ndarray:
    """Returns which counted joints are found, bool [N, K]."""
    close = errors.errors < threshold if strict else errors.errors <= threshold
    return close & errors.counted


def joint_shares(errors: JointErrors, threshold: float, *, strict: bool = True) -> np.ndarray:
    """Returns the share of each joint that is found in percent, float64 [K]; NaN without labels."""
    hits = found(errors, threshold, strict=strict).sum(axis=0, dtype=np.float64)
    return _percent(hits, errors.counted.sum(axis=0))


def group_shares(errors: JointErrors, threshold: float, *, strict: bool = True) -> dict[str, float]:
    """Returns the rows of published tables in percent: "head", "shoulder" and so on.

    The mean of the left and the right joint's share; only rows whose joints the set has.
    """
    shares = joint_shares(errors, threshold, strict=strict)
    joint_set = errors.joint_set
    return {
        name: float(np.mean([shares[joint_set.index(joint)] for joint in group]))
        for name, group in _GROUPS.items()
        if all(joint in joint_set.joints for joint in group)
    }


def mean_share(errors: JointErrors, threshold: float, convention: Convention) -> float:
    """Returns the mean over joints in percent: PCK, or PCKh where the unit is the head."""
    hits = found(errors, threshold, strict=convention.strict)
    return float(
        _means(hits.sum(axis=0)[None], errors.counted.sum(axis=0)[None], errors, convention)[0]
    )


def area_under_curve(
    errors: JointErrors, convention: Convention, thresholds: np.ndarray = AUC_THRESHOLDS
) -> float:
    """Returns the mean of `mean_share` over thresholds, in percent; published: 0 to 0.5 by 0.01."""
    return float(np.mean([mean_share(errors, t, convention) for t in thresholds]))


def bootstrap_interval(
    errors: JointErrors,
    threshold: float | np.ndarray,
    convention: Convention,
    *,
    level: float = 0.95,
    num_resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Returns the interval of `mean_share` in percent over resampled people, by percentiles.

    threshold: one, or several for the interval of `area_under_curve`. People are drawn with
    replacement, all joints of a person together; the same draws for every prediction of as many
    people. A resample without a label of some joint leaves that joint out, and one without any
    label does not count.
    """
    draws = _draws(len(errors), num_resamples, seed)
    each = [found(errors, t, strict=convention.strict) for t in np.atleast_1d(threshold).tolist()]
    hits = draws @ np.mean(each, axis=0)
    means = _means(hits, draws @ errors.counted, errors, convention)
    low, high = np.nanpercentile(means, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


@functools.lru_cache(maxsize=2)
def _draws(num: int, num_resamples: int, seed: int) -> np.ndarray:
    """Returns how often each person is drawn, float64 [R, N]; the counts are exact."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(num, np.full(num, 1 / num), size=num_resamples).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def conventions(joint_set: JointSet) -> tuple[Convention, ...]:
    """Returns every convention that differs for these joints, each strict and not.

    Sets without pelvis and thorax have none of all joints.
    """
    trunk = any(joint in joint_set.joints for joint in _TRUNK)
    return tuple(
        dataclasses.replace(convention, strict=strict)
        for convention in (UNWEIGHTED, LABEL_WEIGHTED, ALL_JOINTS)
        if trunk or not convention.trunk
        for strict in (True, False)
    )


def convention_table(errors: JointErrors, threshold: float) -> dict[str, float]:
    """Returns the same predictions' mean in every convention, in percent, by `Convention.name`."""
    return {
        convention.name(errors.joint_set): mean_share(errors, threshold, convention)
        for convention in conventions(errors.joint_set)
    }


def _means(
    hits: np.ndarray, labels: np.ndarray, errors: JointErrors, convention: Convention
) -> np.ndarray:
    """Returns means [R] in percent of counts [R, K]."""
    kept = convention.joints(errors.joint_set)
    hits, labels = hits[:, kept], labels[:, kept]
    if convention.weights == "labels":
        return _percent(hits.sum(axis=1), labels.sum(axis=1))
    shares, known = _percent(hits, labels), labels > 0
    total = np.where(known, shares, 0.0).sum(axis=1)
    counts = known.sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _percent(hits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.where(labels > 0, 100.0 * hits / np.maximum(labels, 1), np.nan)
