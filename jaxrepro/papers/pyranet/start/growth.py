"""Numbers that follow from what was measured of a network's start, one a seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

FIXES = ("without_fix", "with_fix")
# By initialisation, a number a seed.
ByStart = dict[str, list[float]]


def summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns ratios of a record of `variance`, by fix and initialisation, one a seed.

    "hourglass_1", ...: the variance of an hourglass's result by that of its input. "chain": that
    after the last of the residual units by that after the second. "first_loss": the loss before
    the first update by that of empty maps. "score_step", "median_step": by how much of its length
    the first update moves the median kernel, of those that make the maps and of all.
    """
    network = record["network"]
    numbers = {
        f"hourglass_{stack + 1}": {fix: hourglass_growth(record, fix, stack) for fix in FIXES}
        for stack in range(record["config"]["model"]["num_stacks"])
    }
    return numbers | {
        "chain": {fix: chain_growth(record["chain"], fix) for fix in FIXES},
        "first_loss": {fix: _first_loss(network[fix]) for fix in FIXES},
        "score_step": {fix: _steps(network[fix], "score_") for fix in FIXES},
        "median_step": {fix: _steps(network[fix], "") for fix in FIXES},
    }


def mean(values: Sequence[float]) -> float:
    """Returns the geometric mean over the seeds; 0 if one of them is."""
    with np.errstate(divide="ignore"):
        return float(np.exp(np.mean(np.log(np.asarray(values, np.float64)))))


def chain_growth(chain: Mapping[str, Any], fix: str) -> ByStart:
    """Returns the last unit's variance by the second's.

    The first unit sees pixels, and projects in any case. fix: one of FIXES.
    """
    of_starts = {name: one["responses"] for name, one in chain[fix].items()}
    return {name: _ratios(r[f"unit_{len(r)}"], r["unit_2"]) for name, r in of_starts.items()}


def hourglass_growth(record: Mapping[str, Any], fix: str, stack: int) -> ByStart:
    """Returns the variance of an hourglass's result by that of its input, as `chain_growth`."""
    begins = f"stack_{stack}" if stack else "stem_3"
    ends = f"hourglass_{stack}/merge_{record['config']['model']['depth']}"
    of_starts = {name: one["responses"] for name, one in record["network"][fix].items()}
    return {name: _ratios(r[ends], r[begins]) for name, r in of_starts.items()}


def gradient_range(record: Mapping[str, Any], fix: str) -> list[float]:
    """Returns the greatest mean square of the gradients of all places by the least, by start."""
    of_names = [one["gradients"].values() for one in record["network"][fix].values()]
    means = [[mean(values) for values in places] for places in of_names]
    return [max(one) / min(one) for one in means]


def _first_loss(network: Mapping[str, Any]) -> ByStart:
    losses = {name: one["loss"] for name, one in network.items()}
    return {name: _ratios(loss["loss"], loss["of_empty_maps"]) for name, loss in losses.items()}


def _steps(network: Mapping[str, Any], begin: str) -> ByStart:
    """Returns the median over kernels whose path begins so; score_return is none of the scores."""
    return {
        name: np.median(
            [
                values
                for path, values in one["steps"].items()
                if path.startswith(begin) and not path.startswith(f"{begin}return")
            ],
            axis=0,
        ).tolist()
        for name, one in network.items()
    }


def _ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    return [x / y for x, y in zip(numerators, denominators, strict=True)]
