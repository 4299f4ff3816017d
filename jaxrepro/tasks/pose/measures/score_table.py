"""Scores of several predictions of the same people, side by side as text."""

from collections.abc import Mapping, Sequence

from jaxrepro.core.reports.tables import aligned
from jaxrepro.tasks.pose.measures.scores import Interval, Scores

_UNITS = {"pckh": "PCKh, in heads", "pck": "PCK, in torsos"}
_COMPARISONS = {"below": "<", "at_most": "<="}
_MEANINGS = {
    "joints": "joints: all joints weigh the same (PyraNet, Torch hourglass, pytorch-pose)",
    "labels": "labels: all labels weigh the same (<=: HRNet, FPD, mmpose; with 16: the hourglass's "
    "authors in PyTorch)",
}


def tables_text(scores: Mapping[str, Mapping[str, Scores]]) -> str:
    """Returns the tables of what was measured, intervals below their means.

    scores: of `scores.score`, by the name of the predictions; all of the same people.
    """
    blocks = []
    first = next(iter(scores.values()))
    for unit, of_first in first.items():
        of_unit = {name: by_unit[unit] for name, by_unit in scores.items()}
        title = f"{_UNITS[unit]}: {of_first.people} people, {of_first.labels} labels, percent"
        blocks += [_means_text(title, of_unit)]
        blocks += [_joints_text(unit, threshold, of_unit) for threshold in of_first.joints]
    notes = ["below each mean: interval of 95 % over resampled people; area: mean over 0 to 0.5"]
    used = {key.split("/")[1].partition("_")[2] for s in first.values() for key in s.means}
    notes += [meaning for weights, meaning in _MEANINGS.items() if weights in used]
    return "\n\n".join([*blocks, "\n".join(notes)])


def _means_text(title: str, scores: Mapping[str, Scores]) -> str:
    keys = list(next(iter(scores.values())).means)
    rows = []
    for name, one in scores.items():
        intervals = [one.means[key] for key in keys]
        rows.append([name, *(f"{interval.mean:.2f}" for interval in intervals)])
        rows.append(["", *map(_ends, intervals)])
    shared, headings = _headings(keys)
    return f"{title}{shared}\n\n{aligned(['', *headings], rows)}"


def _headings(keys: Sequence[str]) -> tuple[str, list[str]]:
    """Returns what all keys of `Scores.means` share, for the title, and a heading for each."""
    thresholds, rows = [], []
    for key in keys:
        threshold, what, comparison = key.split("/")
        thresholds.append("area" if threshold == "area" else f"@{threshold}")
        rows.append(f"{what.replace('_', ' ')} {_COMPARISONS[comparison]}")
    if len(set(rows)) == 1:
        return f"; {rows[0]}", thresholds
    single = set(thresholds) - {"area"}
    if len(single) == 1:
        areas = [f"area, {row}" if t == "area" else row for t, row in zip(thresholds, rows)]
        return f"; {single.pop()}", areas
    return "", [f"{t} {row}" for t, row in zip(thresholds, rows)]


def _joints_text(unit: str, threshold: str, scores: Mapping[str, Scores]) -> str:
    groups = list(next(iter(scores.values())).joints[threshold])
    rows = [
        [name, *(f"{one.joints[threshold][group]:.1f}" for group in groups)]
        for name, one in scores.items()
    ]
    return aligned([f"{_UNITS[unit].partition(',')[0]}@{threshold} by joint", *groups], rows)


def _ends(interval: Interval) -> str:
    return f"{interval.low:.1f}-{interval.high:.1f}"
