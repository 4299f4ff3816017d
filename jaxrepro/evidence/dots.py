"""Small plots of a claim: every seed a dot, the interval of the mean a bar, published a diamond."""

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from jaxrepro.core.reports.tables import number
from jaxrepro.evidence.records import Record
from jaxrepro.evidence.rules import mean_interval

# In units of the drawing.
_WIDTH, _LABELS, _ROW, _TOP = 640, 210, 26, 22
_RIGHT = 14


def dot_plot(record: Record, result_name: str) -> Markup:
    """Returns one result of all arms as SVG, "" where nothing was measured of it.

    A longer bar is a wider interval; a diamond is what was published.
    """
    claim = record.claim
    result = claim.result(result_name)
    rows = [
        (arm.label, record.values(arm.label, result_name), arm.published.get(result_name))
        for arm in claim.arms
    ]
    numbers = [p for _, _, p in rows if p is not None]
    for _, values, _ in rows:
        if values is not None:
            numbers += [*values.by_seed.values(), *mean_interval(values)]
    numbers = [x for x in numbers if math.isfinite(x)]
    if not any(values for _, values, _ in rows) or not numbers:
        return Markup("")
    low, high = min(numbers), max(numbers)
    room = (high - low) * 0.06 or abs(high) * 0.01 or 1.0
    low, high = low - room, high + room

    def x(value: float) -> float:
        share = (value - low) / (high - low)
        return round(_LABELS + share * (_WIDTH - _LABELS - _RIGHT), 1)

    height = _TOP + _ROW * len(rows) + 24
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(result.heading)}">'
    ]
    for tick in _ticks(low, high):
        parts.append(
            f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="{_TOP - 6}" y2="{height - 22}"/>'
            f'<text class="tick" x="{x(tick)}" y="{height - 7}">{_short(tick, low, high)}</text>'
        )
    for row, (label, values, published) in enumerate(rows):
        y = _TOP + _ROW * row + _ROW / 2
        parts.append(f'<text class="label" x="0" y="{y + 4}">{escape(_cut(label))}</text>')
        if values is not None:
            first, last = mean_interval(values)
            if last > first:
                parts.append(
                    f'<line class="interval" x1="{x(first)}" x2="{x(last)}" y1="{y}" y2="{y}"/>'
                )
            for seed, value in values.by_seed.items():
                name = "" if seed is None else f"seed {seed}: "
                shown = f"{name}{number(value, result.digits)}"
                parts.append(
                    f'<circle class="seed" cx="{x(value)}" cy="{y}" r="4.5">'
                    f"<title>{shown}</title></circle>"
                )
        if published is not None:
            at, up, down = x(published), y - 6, y + 6
            parts.append(
                f'<path class="published" d="M{at - 6} {y}L{at} {up}L{at + 6} {y}L{at} {down}Z">'
                f"<title>published: {number(published, result.digits)}</title></path>"
            )
    parts.append("</svg>")
    return Markup("".join(parts))


def _ticks(low: float, high: float) -> Sequence[float]:
    """Returns three to six round numbers between two."""
    step = 10 ** math.floor(math.log10((high - low) / 3))
    while (high - low) / step > 5:
        step *= 2.5 if str(step / 10 ** math.floor(math.log10(step)))[0] == "2" else 2
    first = math.ceil(low / step)
    return [n * step for n in range(first, math.floor(high / step) + 1)]


def _short(value: float, low: float, high: float) -> str:
    digits = max(0, 1 - math.floor(math.log10(high - low)))
    return f"{value:.{digits}f}"


def _cut(label: str) -> str:
    return label if len(label) <= 32 else label[:31] + "…"
