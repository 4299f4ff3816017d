"""What was measured of a network's start, as a picture."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxrepro.papers.pyranet.start.growth import (
    FIXES,
    ByStart,
    chain_growth,
    gradient_range,
    hourglass_growth,
    mean,
)
from jaxrepro.papers.pyranet.start.variance_report import place_label, spread

_STYLES = {"with_fix": ("-", "with the fix"), "without_fix": (":", "without the fix")}
# Colours that the colour-blind tell apart (M. Okabe and K. Ito, "Color Universal Design", 2008).
_COLORS = {
    "torch": "#000000",
    "xavier": "#E69F00",
    "msra": "#009E73",
    "branch_paper": "#D55E00",
    "branch_article": "#56B4E9",
    "branch_consistent": "#0072B2",
    "forward": "#CC79A7",
    "backward": "#8C8C8C",
}
_WAYS = {"forward": ">", "backward": "<"}


def plot(record: Mapping[str, Any]) -> bytes:
    """Returns a PNG of a record of `variance`: means over its seeds, on logarithmic axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 15), layout="constrained")
    grid = figure.add_gridspec(3, 2, height_ratios=(1, 1, 1))
    responses = figure.add_subplot(grid[0, :])
    gradients = figure.add_subplot(grid[1, :], sharex=responses)
    _draw_network(responses, gradients, record)
    _draw_chain(figure.add_subplot(grid[2, 0]), record["chain"])
    _draw_gains(figure.add_subplot(grid[2, 1]), record["branches"])
    handles = _handles(record)
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _draw_network(responses: Any, gradients: Any, record: Mapping[str, Any]) -> None:
    places = record["places"]
    x = range(len(places))
    for axis, kind in ((responses, "responses"), (gradients, "gradients")):
        _draw_lines(axis, record["network"], kind, places, x)
        for start in range(1, record["config"]["model"]["num_stacks"]):
            axis.axvline(places.index(f"stack_{start}") - 0.5, color="0.5", zorder=0)
        axis.grid(alpha=0.3)
    responses.set_title(
        "Responses along the network: the first hourglass multiplies the variance by "
        f"{_over_starts(hourglass_growth(record, 'without_fix', 0))} without the fix, by "
        f"{_over_starts(hourglass_growth(record, 'with_fix', 0))} with it"
    )
    responses.set_ylabel("variance of the response")
    responses.tick_params(labelbottom=False)
    gradients.set_title(
        "The loss's gradients by them: the greatest is "
        f"{spread(gradient_range(record, 'without_fix'))} times the least without the fix, "
        f"{spread(gradient_range(record, 'with_fix'))} times with it"
    )
    gradients.set_ylabel("mean square of the gradient")
    gradients.set_xticks(x, [place_label(place) for place in places], rotation=90, fontsize=9)
    gradients.set_xlim(-0.5, len(places) - 0.5)


def _over_starts(numbers: ByStart) -> str:
    return spread([mean(of_seeds) for of_seeds in numbers.values()])


def _draw_chain(axis: Any, chain: Mapping[str, Any]) -> None:
    units = range(1, 1 + len(next(iter(chain["with_fix"].values()))["responses"]))
    _draw_lines(axis, chain, "responses", [f"unit_{i}" for i in units], units)
    without, with_fix = (_over_starts(chain_growth(chain, fix)) for fix in FIXES)
    axis.set(
        title="Residual units in a row, from the second to the last:\n"
        f"times {without} without projected shortcuts (dotted), {with_fix} with",
        xlabel="unit",
        ylabel="variance of the response",
    )
    axis.grid(alpha=0.3)


def _draw_lines(
    axis: Any, measured: Mapping[str, Any], kind: str, places: Sequence[str], x: Sequence[int]
) -> None:
    for fix, (style, _) in _STYLES.items():
        # Some initialisations coincide: each is thinner than the one below it.
        widths = np.linspace(5, 1.2, len(measured[fix]))
        for width, (name, of_name) in zip(widths, measured[fix].items(), strict=True):
            values = np.array([of_name[kind][place] for place in places])
            mean = np.exp(np.log(values).mean(axis=1))
            axis.semilogy(x, mean, style, color=_COLORS[name], linewidth=width)
            axis.fill_between(x, values.min(1), values.max(1), color=_COLORS[name], alpha=0.12)


def _draw_gains(axis: Any, stacks: Mapping[str, Any]) -> None:
    rows = list(stacks)
    for row, stack in enumerate(rows):
        starts = list(stacks[stack])
        if row % 2:
            axis.axhspan(row - 0.5, row + 0.5, color="0.94", zorder=0)
        for number, start in enumerate(starts):
            y = row + (number - (len(starts) - 1) / 2) * 0.1
            for way, marker in _WAYS.items():
                gain = float(np.mean(stacks[stack][start][way]))
                axis.plot(gain, y, marker, color=_COLORS[start], markersize=6)
    axis.axvline(1, color="0.5", zorder=1)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(lambda gain, _: f"{gain:g}")
    axis.set_yticks(range(len(rows)), rows, fontsize=10)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set(title="Plain layers without norm: 1 keeps the power", xlabel="gain of a layer")
    axis.grid(axis="x", alpha=0.3)


def _handles(record: Mapping[str, Any]) -> list[Any]:
    """Returns what the legend explains: a colour by start, line by fix and marker by way."""
    from matplotlib.lines import Line2D

    starts = next(iter(record["branches"].values()))
    used = [name for name in _COLORS if name in starts or name in record["network"]["with_fix"]]
    names = {"forward": "forward condition", "backward": "backward condition"}
    return [
        *(Line2D([], [], color=_COLORS[name], lw=4, label=names.get(name, name)) for name in used),
        *(Line2D([], [], color="0.3", ls=ls, label=words) for ls, words in _STYLES.values()),
        *(
            Line2D([], [], color="0.3", ls="", marker=marker, label=f"gain {way}")
            for way, marker in _WAYS.items()
        ),
    ]
