"""Line plots as SVG that takes its colours and its type from the page around it."""

import dataclasses
import io
import logging
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

# Text is laid out by the reader's browser: which fonts are here is nobody's concern.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

NUM_COLOURS = 6
# Points of a line that a reader can tell apart in a plot of this size.
_MAX_POINTS = 400
# A line of more points than this is drawn faint, with its moving average over it.
_SMOOTHED_FROM = 80
_INK, _FAINT = "#0f0a01", "#0f0a02"
# Colours that stand for the page's own, in light and dark: see page.css.
_PAGE_COLOURS = {
    _INK: "var(--muted)",
    _FAINT: "var(--rule)",
    **{f"#0f0b0{i}": f"var(--c{i})" for i in range(NUM_COLOURS)},
}


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a plot: steps [N] ascending, values [N], NaN where there is a gap.

    colour: 0 to NUM_COLOURS - 1, or None for a faint line behind the others.
    """

    steps: np.ndarray
    values: np.ndarray
    colour: int | None
    dashed: bool = False
    markers: bool = False
    smooth: bool = False
    max_points: int = _MAX_POINTS


def draw(
    lines: Sequence[Line],
    *,
    identifier: str,
    label: str,
    log_x: bool = False,
    log_y: bool = False,
    size: tuple[float, float] = (3.7, 2.4),
) -> str:
    """Returns one plot as an <svg> element for use inside HTML.

    identifier: starts every id inside; it must differ between the plots of a page. label: what
    the plot shows, for those who cannot see it. size: width and height in inches. Values that are
    not finite are gaps; on a logarithmic axis, those that are not positive as well. An axis
    without any positive value is linear.
    """
    log_x = log_x and any((line.steps > 0).any() for line in lines)
    log_y = log_y and any((np.isfinite(x.values) & (x.values > 0)).any() for x in lines)
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": identifier,
        "font.size": 8.5,
        "axes.edgecolor": _FAINT,
        "axes.linewidth": 0.8,
        "text.color": _INK,
        "xtick.labelcolor": _INK,
        "ytick.labelcolor": _INK,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "axes.unicode_minus": True,
    }
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        for line in lines:
            _draw_line(axes, line, log_y)
        _style(axes, lines, log_x, log_y)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _inline(buffer.getvalue(), identifier, label)


def _draw_line(axes: Any, line: Line, log_y: bool) -> None:
    values = np.where(np.isfinite(line.values), line.values, np.nan)
    if log_y:
        values = np.where(values > 0, values, np.nan)
    colour = _FAINT if line.colour is None else f"#0f0b0{line.colour}"
    style = {"color": colour, "linestyle": "--" if line.dashed else "-"}
    steps, thinned = thinned_line(line.steps, values, line.max_points)
    if line.smooth and len(values) > _SMOOTHED_FROM:
        axes.plot(steps, thinned, linewidth=0.7, alpha=0.3, **style)
        steps, thinned = thinned_line(line.steps, moving_average(values), line.max_points // 2)
        axes.plot(steps, thinned, linewidth=1.7, **style)
        return
    # A single point has no length: only a marker shows it.
    marker = "o" if line.markers or np.isfinite(values).sum() == 1 else ""
    width = 0.8 if line.colour is None else 1.5
    axes.plot(steps, thinned, linewidth=width, marker=marker, markersize=3.5, **style)


def _style(axes: Any, lines: Sequence[Line], log_x: bool, log_y: bool) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y", color=_FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    if log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(10, numticks=5))
    else:
        steps = np.concatenate([line.steps for line in lines])
        # One step alone would get an axis of fractions around it.
        if steps.min() == steps.max():
            axes.set_xlim(steps.min() - 1, steps.max() + 1)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=7))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    for axis, logarithmic in ((axes.xaxis, log_x), (axes.yaxis, log_y)):
        axis.set_minor_locator(NullLocator())
        if logarithmic or axis is axes.xaxis:
            axis.set_major_formatter(FuncFormatter(lambda x, _: _tick(x)))


def _tick(x: float) -> str:
    return f"{x:,.0f}" if abs(x) >= 1 and x == round(x) else f"{x:g}"


def thinned_line(
    steps: np.ndarray, values: np.ndarray, max_points: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns at most `max_points` points of a line, its extremes and its gaps among them.

    The line is cut into parts of equal length; of each the lowest and the highest point stay,
    and the first gap.
    """
    if len(steps) <= max_points:
        return steps, values
    kept = {0, len(steps) - 1}
    for part in np.array_split(np.arange(len(steps)), max(1, (max_points - 2) // 3)):
        inside = values[part]
        gaps = np.flatnonzero(np.isnan(inside))
        kept.update(part[gaps[:1]].tolist())
        if len(gaps) < len(part):
            kept.update((int(part[np.nanargmin(inside)]), int(part[np.nanargmax(inside)])))
    index = np.asarray(sorted(kept))
    return steps[index], values[index]


def moving_average(values: np.ndarray) -> np.ndarray:
    """Returns the mean of the finite values around each point, NaN where the point has none.

    values: float [N]. The window is a twentieth of N on both sides together; at the ends it is
    cut off, not padded.
    """
    half = max(1, len(values) // 40)
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    first = np.maximum(np.arange(len(values)) - half, 0)
    end = np.minimum(np.arange(len(values)) + half + 1, len(values))
    means = (sums[end] - sums[first]) / np.maximum(counts[end] - counts[first], 1)
    return np.where(finite, means, np.nan)


def _inline(document: str, identifier: str, label: str) -> str:
    """Returns Matplotlib's SVG as an element without ids, fonts or styles that act outside it."""
    root = ElementTree.fromstring(document)
    for element in root.iter():
        element.tag = element.tag.partition("}")[2] or element.tag
        for name in [name for name in element.attrib if "}" in name]:
            element.attrib[name.partition("}")[2]] = element.attrib.pop(name)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    text = " ".join(value for element in root.iter() for value in element.attrib.values())
    used = set(re.findall(r"#([\w.-]+)\)", text))
    used |= {e.get("href", "")[1:] for e in root.iter("use")}
    for element in root.iter():
        _rewrite(element, used, identifier)
    view_box = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"viewBox": view_box, "role": "img", "aria-label": label})
    return ElementTree.tostring(root, encoding="unicode")


def _rewrite(element: Any, used: set[str], identifier: str) -> None:
    attributes = element.attrib
    if attributes.get("id") in used:
        attributes["id"] = f"{identifier}-{attributes['id']}"
    else:
        attributes.pop("id", None)
    if "href" in attributes:
        attributes["href"] = f"#{identifier}-{attributes['href'][1:]}"
    if "clip-path" in attributes:
        attributes["clip-path"] = attributes["clip-path"].replace("url(#", f"url(#{identifier}-")
    if "d" in attributes:
        rounded = re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.1f}", attributes["d"])
        attributes["d"] = " ".join(rounded.split())
    if "style" in attributes:
        # The type is the page's; Matplotlib has written the size in either of two ways.
        style = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", attributes["style"])
        style = re.sub(r"font-family:[^;]*;?\s*", "", style)
        for stand_in, colour in _PAGE_COLOURS.items():
            style = style.replace(stand_in, colour)
        attributes["style"] = style
