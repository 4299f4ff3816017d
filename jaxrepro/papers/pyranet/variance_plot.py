"""What was measured of a network's start, as a picture."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_STYLES = {"with_fix": ("-", "with the fix"), "without_fix": (":", "without")}


def plot(record: Mapping[str, Any]) -> bytes:
    """Returns a PNG of a record of `variance`: means over its seeds, on logarithmic axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 12), layout="constrained")
    grid = figure.add_gridspec(3, 2, height_ratios=(1, 1, 0.9))
    names = list(record["network"]["with_fix"])
    responses = figure.add_subplot(grid[0, :])
    gradients = figure.add_subplot(grid[1, :], sharex=responses)
    places = record["places"]
    for axis, kind in ((responses, "responses"), (gradients, "gradients")):
        _draw_lines(axis, record["network"], names, kind, places)
        for start in range(1, record["config"]["model"]["num_stacks"]):
            axis.axvline(places.index(f"stack_{start}") - 0.5, color="0.8", zorder=0)
        axis.grid(axis="y", alpha=0.3)
    responses.set_ylabel("variance of the response")
    responses.tick_params(labelbottom=False)
    gradients.set_ylabel("mean square of the gradient")
    gradients.set_xticks(range(len(places)), [_label(place) for place in places], rotation=90)
    gradients.tick_params(axis="x", labelsize=6)
    responses.set_title("along the network, in order of depth")
    chain = figure.add_subplot(grid[2, 0])
    units = list(range(1, 1 + len(record["chain"]["with_fix"][names[0]]["responses"])))
    _draw_lines(chain, record["chain"], names, "responses", [f"unit_{i}" for i in units], units)
    chain.set(
        title="residual units in a row, shortcuts projected or not",
        xlabel="unit",
        ylabel="variance of the response",
    )
    chain.grid(alpha=0.3)
    _draw_gains(figure.add_subplot(grid[2, 1]), record["branches"])
    handles, labels = responses.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(names), fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _draw_lines(
    axis: Any,
    measured: Mapping[str, Any],
    names: Sequence[str],
    kind: str,
    places: Sequence[str],
    steps: Sequence[int] | None = None,
) -> None:
    x = range(len(places)) if steps is None else steps
    for fix, (style, words) in _STYLES.items():
        for number, name in enumerate(names):
            values = np.array([measured[fix][name][kind][place] for place in places])
            mean = np.exp(np.log(values).mean(axis=1))
            label = f"{name}, {words}"
            axis.semilogy(x, mean, style, color=f"C{number}", linewidth=1.2, label=label)
            axis.fill_between(x, values.min(1), values.max(1), color=f"C{number}", alpha=0.12)


def _draw_gains(axis: Any, stacks: Mapping[str, Any]) -> None:
    rows = list(stacks)
    starts = list(stacks[rows[0]])
    for number, start in enumerate(starts):
        y = np.arange(len(rows)) + (number - (len(starts) - 1) / 2) * 0.09
        for way, marker in (("forward", ">"), ("backward", "<")):
            gains = [float(np.mean(stacks[row][start][way])) for row in rows]
            axis.plot(gains, y, marker, color=f"C{_color(starts, start)}", markersize=4)
        axis.plot([], [], "o", color=f"C{_color(starts, start)}", markersize=4, label=start)
    axis.axvline(1, color="0.6", zorder=0)
    axis.set_xscale("log")
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    axis.invert_yaxis()
    axis.set(title="plain layers: > forward, < backward", xlabel="gain of the power in a layer")
    axis.legend(fontsize=6, loc="best")


def _color(starts: Sequence[str], start: str) -> int:
    """Returns the colour that an initialisation has in the other panels; those that follow else."""
    conditions = [name for name in starts if name in ("forward", "backward")]
    others = [name for name in starts if name not in conditions]
    return [*others, *conditions].index(start)


def _label(place: str) -> str:
    stack, _, part = place.partition("/")
    return f"{stack.replace('hourglass_', '')} {part.removesuffix('_0')}" if part else place
