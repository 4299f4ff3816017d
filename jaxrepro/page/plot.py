"""Line plots as SVG that takes its colours and its type from the page around it."""

import dataclasses
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from jaxrepro.page.axes import Axis, linear_axis, log_axis
from jaxrepro.page.numbers import number

NUM_COLOURS = 6
# Points of a line that a reader can tell apart in a plot of this size.
_MAX_POINTS = 400
# A line of more points than this is drawn faint, with its moving average over it.
_SMOOTHED_FROM = 80
# Places along a plot that show their values under the pointer.
_MAX_HOVERS = 40
_WIDTH, _HEIGHT = 360, 216
_TOP, _BOTTOM, _RIGHT = 10, 26, 8
# A digit of a label, in wide type; the page writes them 11 high.
_DIGIT = 7.0


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a plot: steps [N] ascending, values [N], NaN where there is a gap.

    colour: 0 to NUM_COLOURS - 1, or None for a faint line behind the others. name: what its values
    are called under the pointer, "" for none.
    """

    steps: np.ndarray
    values: np.ndarray
    colour: int | None
    dashed: bool = False
    markers: bool = False
    smooth: bool = False
    max_points: int = _MAX_POINTS
    name: str = ""


def draw(lines: Sequence[Line], *, label: str, log_x: bool = False, log_y: bool = False) -> str:
    """Returns one plot as an <svg> element for use inside HTML.

    label: what the plot shows, for those who cannot see it. Values that are not finite are gaps;
    on a logarithmic axis, those that are not positive as well. An axis without any positive value
    is linear. Where the pointer rests, the browser shows the values of the lines with a name.
    """
    steps = np.concatenate([line.steps for line in lines]).astype(np.float64)
    values = np.concatenate([line.values for line in lines]).astype(np.float64)
    log_x = log_x and bool((steps > 0).any())
    log_y = log_y and bool((np.isfinite(values) & (values > 0)).any())
    y = (log_axis if log_y else linear_axis)(values)
    left = 8 + _DIGIT * max(len(tick.text) for tick in y.ticks)
    x = log_axis(steps) if log_x else linear_axis(steps, whole=True)
    frame = _Frame(x, y, left)
    parts = [*_axes(frame)]
    for line in lines:
        parts += _drawn(line, frame)
    parts += _hovers(lines, frame)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label={quoteattr(label)}>'
        f"{''.join(parts)}</svg>"
    )


@dataclasses.dataclass(frozen=True)
class _Frame:
    """Where updates and values lie in the picture; NaN for what has no place."""

    x: Axis
    y: Axis
    left: float

    @property
    def bottom(self) -> float:
        return _HEIGHT - _BOTTOM

    @property
    def right(self) -> float:
        return _WIDTH - _RIGHT

    def across(self, steps: np.ndarray) -> np.ndarray:
        return self.left + self.x.share(steps) * (self.right - self.left)

    def up(self, values: np.ndarray) -> np.ndarray:
        return self.bottom - self.y.share(values) * (self.bottom - _TOP)


def _axes(frame: _Frame) -> list[str]:
    """Returns the grid, a mark at every tick of both axes, and the labels."""
    left, right, bottom = frame.left, frame.right, frame.bottom
    parts = [f'<path class="axis" d="M{left:.1f} {bottom}H{right:.1f}"/>']
    for tick, place in zip(frame.y.ticks, frame.up(frame.y.places), strict=True):
        if not tick.text:
            parts.append(f'<path class="axis" d="M{left - 3:.1f} {place:.1f}h3"/>')
        else:
            parts.append(f'<path class="grid" d="M{left:.1f} {place:.1f}H{right:.1f}"/>')
            parts.append(
                f'<text x="{left - 5:.1f}" y="{place + 4:.1f}" text-anchor="end">{tick.text}</text>'
            )
    taken = -np.inf
    for tick, place in zip(frame.x.ticks, frame.across(frame.x.places), strict=True):
        length = 5 if tick.text else 3
        parts.append(f'<path class="axis" d="M{place:.1f} {bottom}v{length}"/>')
        half = _DIGIT * len(tick.text) / 2
        # A label at the very edge is moved in; one over its neighbour is left out.
        centre = min(max(place, half), _WIDTH - half)
        if tick.text and centre - half > taken:
            taken = centre + half + 4
            parts.append(
                f'<text x="{centre:.1f}" y="{bottom + 17}" text-anchor="middle">{tick.text}</text>'
            )
    return parts


def _drawn(line: Line, frame: _Frame) -> list[str]:
    values = np.where(np.isfinite(line.values), line.values, np.nan).astype(np.float64)
    colour = "var(--rule)" if line.colour is None else f"var(--c{line.colour})"
    steps, thinned = thinned_line(line.steps, values, line.max_points)
    dashes = ' stroke-dasharray="6 4"' * line.dashed
    if line.smooth and len(values) > _SMOOTHED_FROM:
        faint = _path(steps, thinned, frame, f'style="stroke:{colour}" class="raw"{dashes}')
        smooth = moving_average(values)
        steps, thinned = thinned_line(line.steps, smooth, line.max_points // 2)
        return [faint, _path(steps, thinned, frame, f'style="stroke:{colour}" class="line"')]
    kind = "faint" if line.colour is None else "line"
    parts = [_path(steps, thinned, frame, f'style="stroke:{colour}" class="{kind}"{dashes}')]
    x, y = frame.across(steps), frame.up(thinned)
    shown = np.isfinite(x) & np.isfinite(y)
    # A point between gaps has no length: only a mark shows it.
    gaps = np.concatenate([[True], ~shown, [True]])
    alone = shown & gaps[:-2] & gaps[2:]
    marked = shown if line.markers else alone
    parts += [
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6" style="fill:{colour}"/>'
        for a, b in zip(x[marked], y[marked], strict=True)
    ]
    return parts


def _path(steps: np.ndarray, values: np.ndarray, frame: _Frame, attributes: str) -> str:
    words, drawing = [], False
    for a, b in zip(frame.across(steps).tolist(), frame.up(values).tolist(), strict=True):
        if not (np.isfinite(a) and np.isfinite(b)):
            drawing = False
            continue
        words.append(f"{'L' if drawing else 'M'}{a:.1f} {b:.1f}")
        drawing = True
    return f'<path d="{"".join(words)}" {attributes}/>' if words else ""


def _hovers(lines: Sequence[Line], frame: _Frame) -> list[str]:
    """Returns strips over the plot, each with the values of all named lines at its update."""
    named = [line for line in lines if line.name and len(line.steps)]
    steps = np.unique(np.concatenate([line.steps for line in named])) if named else np.array([])
    steps = steps[np.isfinite(frame.across(steps))]
    if not len(steps):
        return []
    chosen = np.linspace(0, len(steps) - 1, min(_MAX_HOVERS, len(steps))).round().astype(int)
    steps = steps[chosen]
    places = frame.across(steps)
    edges = [frame.left, *((places[1:] + places[:-1]) / 2), frame.right]
    parts = []
    for step, start, end in zip(steps.tolist(), edges, edges[1:]):
        told = [f"update {step:,.0f}"]
        for line in named:
            # Lines measured less often are told at their own updates, flat ones everywhere.
            at = np.searchsorted(line.steps, step)
            if at < len(line.steps) and line.steps[at] == step:
                told.append(f"{line.name}: {number(float(line.values[at]))}")
        height = frame.bottom - _TOP
        parts.append(
            f'<rect class="at" x="{start:.1f}" y="{_TOP}" width="{max(end - start, 0):.1f}" '
            f'height="{height}"><title>{escape(chr(10).join(told))}</title></rect>'
        )
    return parts


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
