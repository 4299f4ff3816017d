"""How far two runs of the same training are apart: what floating point may do, and no more."""

import re
from collections.abc import Mapping

import numpy as np

# A kernel is measured by its own largest number; another leaf at least by this part of the largest
# one of its kind and name: gradients of biases before a batch norm are zero but for rounding.
FLOOR = 1e-2


def largest_difference(
    ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]
) -> tuple[float, str]:
    """Returns (the largest relative difference between leaves of two states, the leaf's path).

    ours, theirs: leaves by path, as `runs.leaves` gives them. Whole numbers (the step, counters,
    the key) must be equal: otherwise the difference is infinite, as it is for other leaves or
    shapes and for numbers that are not finite.
    """
    if ours.keys() != theirs.keys():
        return float("inf"), min(ours.keys() ^ theirs.keys())
    scales: dict[str, float] = {}
    for path, leaf in theirs.items():
        scales[_kind(path)] = max(scales.get(_kind(path), 0.0), _magnitude(leaf))
    floors = {p: 0.0 if p.endswith("kernel") else FLOOR * scales[_kind(p)] for p in theirs}
    return max((_difference(ours[p], theirs[p], floors[p]), p) for p in theirs)


def relative_difference(ours: float, theirs: float) -> float:
    """Returns |ours - theirs| / |theirs|."""
    return abs(ours - theirs) / max(abs(theirs), float(np.finfo(np.float32).tiny))


def _kind(path: str) -> str:
    """Returns "nets/g/params/bias", "nets/g/opt_state/0/mu/kernel" and the like, of a path."""
    found = re.match(r".*?/(params|mu|nu|trace|batch_stats)/", path)
    return f"{found[0]}{path.rpartition('/')[2]}" if found else path


def _magnitude(leaf: np.ndarray) -> float:
    return float(np.max(np.abs(leaf.astype(np.float64)), initial=0.0))


def _difference(ours: np.ndarray, theirs: np.ndarray, floor: float) -> float:
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return float("inf")
    if not np.issubdtype(theirs.dtype, np.inexact):
        return 0.0 if np.array_equal(ours, theirs) else float("inf")
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return float("inf")
    scale = max(_magnitude(theirs), floor)
    apart = _magnitude(ours.astype(np.float64) - theirs.astype(np.float64))
    return apart / scale if scale else apart
