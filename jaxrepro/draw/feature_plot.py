"""Features of images in the plane, coloured by class, with the classes' centres and deviations."""

import dataclasses
import io
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class FeaturePanel:
    """Features of one network.

    features: [N, D], 2 or more; labels: int [N]. centres: [K, D]; deviations: [K], radii of the
    circles around them, 0 for none.
    """

    title: str
    features: np.ndarray
    labels: np.ndarray
    centres: np.ndarray
    deviations: np.ndarray


def feature_plot(panels: Sequence[FeaturePanel], class_names: Sequence[str]) -> bytes:
    """Returns a PNG with the panels side by side, each at its own scale.

    Of more than two dimensions the plane of the greatest variance is drawn.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    figure = Figure(figsize=(7 * len(panels), 6.6), layout="constrained")
    colors = colormaps["tab10" if len(class_names) <= 10 else "gist_rainbow"](
        np.arange(10) if len(class_names) <= 10 else np.linspace(0, 1, len(class_names))
    )
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        points, centres = in_plane(panel.features, panel.centres)
        axis.scatter(*points.T, c=colors[panel.labels], s=6, linewidths=0)
        for label, name in enumerate(class_names):
            axis.add_patch(
                Circle(centres[label], panel.deviations[label], fill=False, color=colors[label])
            )
            axis.plot(*centres[label], "x", color="black", markersize=7)
            axis.annotate(
                name, centres[label], xytext=(5, 5), textcoords="offset points", fontsize=12
            )
        axis.set_title(panel.title)
        axis.set_aspect("equal", adjustable="datalim")
        axis.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def in_plane(features: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns features and centres in two dimensions: those that there are, or principal axes."""
    if features.shape[1] == 2:
        return features, centres
    middle = features.mean(axis=0)
    axes = np.linalg.svd(features - middle, full_matrices=False)[2][:2]
    return (features - middle) @ axes.T, (centres - middle) @ axes.T
