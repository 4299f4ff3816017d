"""Means of decibels, some of which may be infinite: those of pictures without any error."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np


class MeanDecibels(NamedTuple):
    """A mean over the pictures that have an error, and how many have none.

    mean: in dB; infinite where no picture has an error.
    """

    mean: float
    num_exact: int


def mean_decibels(values: Iterable[float]) -> MeanDecibels:
    """Returns the mean, in float64, of the decibels that are finite, and how many are infinite.

    One picture that is reproduced exactly, such as one of a single colour, would make the mean of a
    set infinite. Raises ValueError for no values; NaN stays NaN.
    """
    given = np.asarray(list(values), np.float64)
    if not len(given):
        raise ValueError("no values to average")
    exact = np.isposinf(given)
    if exact.all():
        return MeanDecibels(math.inf, len(given))
    return MeanDecibels(float(np.mean(given[~exact])), int(exact.sum()))


def mean_measures(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Returns the mean of each measure over pictures, in float64.

    Of a measure that is infinite for some pictures, such as "psnr", it is the mean over the others,
    and "psnr_exact" is the number of those.
    """
    means: dict[str, float] = {}
    for name in rows[0]:
        found = mean_decibels(row[name] for row in rows)
        means[name] = found.mean
        if found.num_exact:
            means[f"{name}_exact"] = float(found.num_exact)
    return means


def exact_text(num_exact: int, num: int) -> str:
    """Returns a sentence on pictures without error in a mean, "" for none."""
    if not num_exact:
        return ""
    if num_exact == num:
        return "no picture has an error"
    have = "has" if num_exact == 1 else "have"
    return f"{num_exact} of {num} pictures {have} no error; the mean is over the others"
