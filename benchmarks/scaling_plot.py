"""The predictions of `benchmarks.scaling` as a picture."""

import io
from typing import Any

# Colours that the colour-blind tell apart (M. Okabe and K. Ito, "Color Universal Design", 2008).
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_PIECES = (
    ("computation_ms", "computation", "#56B4E9"),
    ("exchanges_waited_for_ms", "batch statistics, waited for", "#D55E00"),
    ("exchanges_that_may_overlap_ms", "gradients and logs, may overlap", "#E69F00"),
)


def draw(report: dict[str, Any]) -> bytes:
    """Returns a PNG: weak-scaling efficiency over the devices, and what a step is made of."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.6), layout="constrained")
    curves, bars = figure.subplots(1, 2, width_ratios=(1.1, 1))
    assumed = report["assumptions"]
    lowest = 1.0
    for color, one in zip(_COLORS, report["predicted"], strict=False):
        devices = [point["devices"] for point in one["weak_scaling"]]
        low = [point["efficiency_without_overlap"] for point in one["weak_scaling"]]
        high = [point["efficiency_with_overlap"] for point in one["weak_scaling"]]
        lowest = min(lowest, *low)
        curves.fill_between(devices, low, high, color=color, alpha=0.3, linewidth=0)
        label = f"{one['machine']}, up to {one['devices']} devices"
        curves.plot(devices, low, color=color, marker="o", markersize=4, label=label)
        curves.plot(devices, high, color=color, marker="o", markersize=4, linestyle=":")
    curves.set(
        xscale="log",
        xlabel="devices, examples of a device kept",
        ylabel="efficiency (time without exchanges / time with)",
        ylim=(max(0.0, lowest - 0.1), 1.02),
        title="Weak scaling: solid without overlap, dotted with",
    )
    curves.set_xscale("log", base=2)
    ticks = sorted(
        {point["devices"] for one in report["predicted"] for point in one["weak_scaling"]}
    )
    curves.set_xticks(ticks, [str(tick) for tick in ticks])
    curves.grid(alpha=0.3)
    curves.legend(loc="lower left")
    names = [f"{one['machine']}\nx {one['devices']}" for one in report["predicted"]]
    left = [0.0] * len(names)
    for key, label, color in _PIECES:
        widths = [one[key] for one in report["predicted"]]
        bars.barh(names, widths, left=left, color=color, label=label, height=0.5)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    bars.set(
        xlabel=f"ms of a step, at {assumed['utilisation']:g} of the peak and "
        f"{assumed['latency_us']:g} us an exchange (assumed)",
        title="What a step is made of, without overlap",
        ylim=(len(names) + 0.2, -0.6),
    )
    bars.legend(loc="lower right")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
