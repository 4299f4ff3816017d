"""The plots of a page: training, evaluations beside published curves, singular values."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from jaxrepro.core.run.spread import STD, parts_by_name
from jaxrepro.core.task import PublishedCurve, References
from jaxrepro.page import plot, published
from jaxrepro.page.numbers import number
from jaxrepro.page.plot import Line
from jaxrepro.page.records import Run, Series

# A group of more series than the first is one plot a series, of more than the second one plot
# in which only the series that changed most are told apart.
_MAX_IN_ONE_PLOT = plot.NUM_COLOURS
_MAX_PLOTS = 24
_FIRST_GROUPS = ("loss", "logits")
# The only group whose series do not share a scale; it comes last.
_OF_SEVERAL_UNITS = "speed"
# A published curve so much longer than the run would squeeze it to a dot.
_FAR_LONGER = 8
_SIGMA = re.compile(r"sigma/([^/]+)/(.+)/(\d+)")
_MAX_SIGMA_ORDERS = 3


@dataclasses.dataclass(frozen=True)
class Key:
    """A line of a plot's legend; `colour` as in `plot.Line`."""

    text: str
    value: str
    colour: int | None
    dashed: bool = False


@dataclasses.dataclass(frozen=True)
class Plot:
    """One plot with its title, its legend and what has to be said about it."""

    title: str
    svg: str
    keys: tuple[Key, ...]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Group:
    """Plots under one heading."""

    title: str
    plots: tuple[Plot, ...]


@dataclasses.dataclass(frozen=True)
class Growth:
    """How the largest singular value of a layer moved; `gap` is the last sigma 0 over sigma 1."""

    layer: str
    first: float
    last: float
    growth: float
    gap: float | None


@dataclasses.dataclass(frozen=True)
class Spectra:
    """The singular values of one network: plots, and its layers by growth, the largest first."""

    network: str
    plots: tuple[Plot, ...]
    layers: tuple[Growth, ...]


def training_groups(run: Run) -> list[Group]:
    """Returns the plots of everything that the training logged, singular values left out."""
    groups: dict[str, list[Series]] = {}
    training, seeds = _means_and_seeds(run.training)
    for series in training:
        if not _SIGMA.fullmatch(series.name):
            groups.setdefault(series.group, []).append(series)
    order = [name for name in _FIRST_GROUPS if name in groups]
    order += [name for name in groups if name not in (*order, _OF_SEVERAL_UNITS)]
    order += [name for name in groups if name == _OF_SEVERAL_UNITS]
    return [Group(name, tuple(_group_plots(groups[name], seeds))) for name in order]


def _means_and_seeds(series: Sequence[Series]) -> tuple[list[Series], dict[str, list[Series]]]:
    """Returns the series that are no part of another, and those of the seeds by their mean's."""
    by_name = {s.name: s for s in series}
    parts = parts_by_name(by_name)
    seeds = {
        name: [by_name[full] for part, full in found.items() if part != STD]
        for name, found in parts.items()
        if found
    }
    return [by_name[name] for name in parts], seeds


def _seed_lines(
    group: Sequence[Series], seeds: Mapping[str, list[Series]]
) -> tuple[list[Line], list[str]]:
    """Returns faint lines of the single seeds of `group`, and the sentence on them."""
    found = [one for series in group for one in seeds.get(series.name, [])]
    lines = [Line(one.steps, one.values, None, max_points=120) for one in found]
    return lines, ["Coloured: the mean over the seeds; grey: each seed."] if found else []


def _group_plots(group: Sequence[Series], seeds: Mapping[str, list[Series]]) -> list[Plot]:
    one_unit = len(group) == 1 or group[0].group != _OF_SEVERAL_UNITS
    if one_unit and len(group) <= _MAX_IN_ONE_PLOT:
        return [_plot(group[0].group, group, seeds)]
    if len(group) <= _MAX_PLOTS:
        return [_plot(s.name, [s], seeds) for s in group]
    moved = sorted(group, key=_change, reverse=True)[:_MAX_IN_ONE_PLOT]
    lines = [Line(s.steps, s.values, colour=None, max_points=60) for s in group if s not in moved]
    lines += [Line(s.steps, s.values, i, max_points=120, name=s.name) for i, s in enumerate(moved)]
    title = f"{group[0].group}: {len(group)} series"
    note = f"Coloured: the {len(moved)} that changed most; the others are grey."
    return [
        Plot(
            title,
            plot.draw(lines, label=title),
            tuple(Key(s.name, number(s.last), i) for i, s in enumerate(moved)),
            (note, *_notes(group)),
        )
    ]


def _change(series: Series) -> float:
    finite = series.values[np.isfinite(series.values)]
    return abs(float(finite[-1] - finite[0])) if len(finite) else np.inf


def _plot(title: str, group: Sequence[Series], seeds: Mapping[str, list[Series]]) -> Plot:
    short = [s.name.partition("/")[2] or s.name for s in group]
    lines, notes = _seed_lines(group, seeds)
    lines += [Line(s.steps, s.values, i, smooth=True, name=short[i]) for i, s in enumerate(group)]
    return Plot(
        title,
        plot.draw(lines, label=f"{title} over updates"),
        tuple(Key(short[i], number(s.last), i) for i, s in enumerate(group)),
        (*notes, *_notes(group)),
    )


def _notes(group: Sequence[Series]) -> list[str]:
    """Returns a sentence for each series that holds NaN or infinities, at most six."""
    notes = []
    for series in group:
        bad = np.flatnonzero(~np.isfinite(series.values))
        if len(bad):
            first = series.steps[bad[0]]
            notes.append(
                f"{series.name} is not finite at {len(bad)} of {len(series.steps)} reports, "
                f"first at step {first:,}."
            )
    more = [f"So are {len(notes) - 6} others."] if len(notes) > 6 else []
    return notes[:6] + more


def evaluation_plots(run: Run, references: References | None) -> list[Plot]:
    """Returns one plot for each quantity that was measured at several steps or published.

    Published curves of the same quantity are dashed; only those are drawn that the run measured.
    Levels (see `References`) are dashed too, in the plot of the result that they belong to.
    """
    by_quantity: dict[str, list[Series]] = {}
    measured, seeds = _means_and_seeds(_with_repeated(run))
    levels = _levels(measured, references)
    drawn_as_levels = {level.name for found in levels.values() for level in found.values()}
    for series in measured:
        if not _SIGMA.fullmatch(series.name) and series.name not in drawn_as_levels:
            by_quantity.setdefault(published.quantity(series.name), []).append(series)
    plots = []
    for name, group in by_quantity.items():
        published_curves = [
            curve
            for curve in (references.curves if references else ())
            if published.quantity(curve.name) == name
        ]
        if published_curves or max(len(series.steps) for series in group) > 1:
            # One colour for each way of measuring, the published ones among them.
            shown = group[-_MAX_IN_ONE_PLOT + 1 :]
            grey = _seed_lines(shown, seeds)
            # A level belongs to the name with what follows "@", the plot to all such names.
            beside = {k: v for one in shown for k, v in levels.get(one.name, {}).items()}
            plots.append(_evaluation_plot(name, shown, published_curves, beside, references, grey))
    return plots


def _levels(
    measured: Sequence[Series], references: References | None
) -> dict[str, dict[str, Series]]:
    """Returns the measured levels by the measured result they are drawn beside, and by words."""
    by_name = {series.name: series for series in measured}
    known = references or References()
    beside = {
        name: {**known.levels.get(name, {}), **known.targets.get(name, {})} for name in by_name
    }
    return {
        name: {words: by_name[level] for words, level in levels.items() if level in by_name}
        for name, levels in beside.items()
        if levels
    }


def _evaluation_plot(
    name: str,
    group: Sequence[Series],
    published_curves: Sequence[PublishedCurve],
    levels: Mapping[str, Series],
    references: References | None,
    of_seeds: tuple[Sequence[Line], Sequence[str]],
) -> Plot:
    lines = [*of_seeds[0]]
    lines += [Line(s.steps, s.values, k, markers=True, name=s.name) for k, s in enumerate(group)]
    keys = [Key(s.name, number(s.last), k) for k, s in enumerate(group)]
    notes = [*of_seeds[1], *_notes(group)]
    for k, curve in enumerate(published_curves, start=len(group)):
        colour = k % plot.NUM_COLOURS
        steps, values = (np.asarray(x) for x in zip(*curve.points, strict=True))
        lines.append(Line(steps, values, colour, dashed=True, name="published"))
        keys.append(Key(f"published: {curve.source}", number(values[-1]), colour, dashed=True))
        notes.append(f"Published: {curve.protocol}.")
        notes += [
            f"{one.name}: {published.comparability(one.name, curve, references)}" for one in group
        ]
    ends = np.asarray([f(x for line in lines for x in line.steps.tolist()) for f in (min, max)])
    for k, (words, level) in enumerate(levels.items(), start=len(keys)):
        colour = k % plot.NUM_COLOURS
        lines.append(Line(ends, np.repeat(level.last, 2), colour, dashed=True))
        keys.append(Key(words, number(level.last), colour, dashed=True))
    log_x, log_y = _logarithmic(lines, group, bool(published_curves))
    if axes := " and ".join(["updates"] * log_x + ["values"] * log_y):
        notes.append(f"Logarithmic: {axes}.")
    svg = plot.draw(lines, label=f"{name} over updates", log_x=log_x, log_y=log_y)
    return Plot(name, svg, tuple(keys), tuple(notes))


def _logarithmic(
    lines: Sequence[Line], group: Sequence[Series], beside_published: bool
) -> tuple[bool, bool]:
    """Returns whether the axes of updates and of values are logarithmic."""
    last = max(int(series.steps[-1]) for series in group)
    longest = max(int(line.steps[-1]) for line in lines)
    first = min(int(line.steps[0]) for line in lines)
    far_longer = first > 0 and longest > _FAR_LONGER * last
    return far_longer, beside_published and _spans_decades(lines)


def _spans_decades(lines: Sequence[Line]) -> bool:
    values = np.concatenate([line.values for line in lines])
    values = values[np.isfinite(values)]
    return len(values) > 0 and 0 < 20 * float(values.min()) < float(values.max())


def _with_repeated(run: Run) -> list[Series]:
    """Returns the evaluations of a run with what `jaxrepro.evaluate` found at other steps."""
    points = {s.name: dict(zip(s.steps.tolist(), s.values, strict=True)) for s in run.evaluation}
    for measured in run.repeated:
        for name, value in measured.results.items():
            points.setdefault(name, {}).setdefault(measured.step, value)
    return [
        Series(name, np.asarray(sorted(known)), np.asarray([known[s] for s in sorted(known)]))
        for name, known in points.items()
    ]


def spectra(run: Run) -> list[Spectra]:
    """Returns the singular values "sigma/<network>/<layer>/<i>" of each network."""
    networks: dict[str, dict[int, dict[str, Series]]] = {}
    means, seeds = _means_and_seeds((*run.training, *run.evaluation))
    note = ("The mean over the seeds.",) if any(map(_SIGMA.fullmatch, seeds)) else ()
    for series in means:
        if match := _SIGMA.fullmatch(series.name):
            orders = networks.setdefault(match[1], {})
            orders.setdefault(int(match[3]), {})[match[2]] = series
    return [
        Spectra(network, tuple(_sigma_plots(network, orders, note)), tuple(_growth(orders)))
        for network, orders in networks.items()
    ]


def _sigma_plots(
    network: str, orders: dict[int, dict[str, Series]], notes: tuple[str, ...]
) -> list[Plot]:
    plots = []
    grown = [growth.layer for growth in _growth(orders)]
    for order in sorted(orders)[:_MAX_SIGMA_ORDERS]:
        layers = sorted(orders[order], key=natural_order)
        told_apart = list(dict.fromkeys([layers[0], layers[-1], *grown[:2]]))
        told_apart = [layer for layer in told_apart if layer in orders[order]]
        many = len(layers) > 30
        lines = [
            Line(s.steps, s.values, None, max_points=60 if many else 120)
            for layer, s in orders[order].items()
            if layer not in told_apart
        ]
        shown = [orders[order][layer] for layer in told_apart]
        lines += [
            Line(s.steps, s.values, i, max_points=200, name=layer)
            for i, (layer, s) in enumerate(zip(told_apart, shown, strict=True))
        ]
        title = f"{network}: sigma {order} of {len(layers)} layers"
        plots.append(
            Plot(
                title,
                plot.draw(lines, label=f"{title} over updates, logarithmic", log_y=True),
                tuple(
                    Key(layer, number(orders[order][layer].last), i)
                    for i, layer in enumerate(told_apart)
                ),
                (*notes, *_notes(list(orders[order].values()))),
            )
        )
    return plots


def _growth(orders: dict[int, dict[str, Series]]) -> list[Growth]:
    """Returns the layers by the last over the first largest singular value; NaN comes first."""
    layers = []
    second = orders.get(1, {})
    for layer, series in orders.get(0, {}).items():
        first = float(series.values[0])
        growth = series.last / first if first > 0 else np.nan
        gap = series.last / second[layer].last if layer in second and second[layer].last else None
        layers.append(Growth(layer, first, series.last, growth, gap))
    return sorted(layers, key=lambda x: -x.growth if np.isfinite(x.growth) else -np.inf)


def natural_order(name: str) -> list[str | int]:
    """Returns a sorting key by which "block2" stands before "block10"."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]
