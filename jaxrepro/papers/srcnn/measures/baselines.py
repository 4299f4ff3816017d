"""What stands beside a network's decibels: bicubic interpolation and the best linear filter."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jaxrepro.core.task import Evaluator, Every, HostBatch, Image
from jaxrepro.metrics.pictures.decibels import mean_measures
from jaxrepro.papers.srcnn.measures.linear_filter import linear_filter
from jaxrepro.papers.srcnn.measures.protocol import published_measures
from jaxrepro.papers.srcnn.pairs.degraded import degraded_pictures

METHODS = ("bicubic", "linear")


@functools.lru_cache(maxsize=32)
def baseline_measures(
    pictures: str, training: str, degradation: str, scale: int
) -> Mapping[str, float]:
    """Returns "psnr_bicubic", "ssim_bicubic", "psnr_linear" and "ssim_linear" over `pictures`.

    All of luma, by the published protocol; "psnr_exact_bicubic" and so on where pictures have no
    error, see `mean_measures`. bicubic: the enlarged picture. linear: the best filter
    of 13 x 13 weights from it to the true one, fitted on the pictures `training`. They are computed
    once in a process.
    """
    filtered = linear_filter(training, degradation, scale)
    prepared = degraded_pictures(pictures, degradation, scale, "y")
    planes = [(one.enlarged[..., 0], one.truth[..., 0], one.name) for one in prepared]
    rows = {
        "bicubic": [published_measures(x, truth, scale, name) for x, truth, name in planes],
        "linear": [
            published_measures(filtered(x), truth, scale, name) for x, truth, name in planes
        ],
    }
    return {
        f"{measure}_{method}": value
        for method in METHODS
        for measure, value in mean_measures(rows[method]).items()
    }


@dataclasses.dataclass(frozen=True)
class WithBaselines:
    """An Evaluator of a set of pictures whose results have those of `baseline_measures` beside.

    quality: what measures the network on `pictures`. training: the pictures of the run. The
    results beside do not depend on the state and are computed at the first evaluation only.
    """

    quality: Evaluator
    pictures: str
    training: str
    degradation: str
    scale: int

    @property
    def every(self) -> Every:
        """When the network is measured."""
        return self.quality.every

    @property
    def batch_size(self) -> int:
        """That of the measurement of the network."""
        return self.quality.batch_size

    @property
    def measured_on(self) -> str:
        """What the network is measured on; the results beside it are too."""
        return getattr(self.quality, "measured_on", "")

    def data(self, process: int, num_processes: int) -> Iterable[HostBatch]:
        """Yields the batches for the network."""
        return self.quality.data(process, num_processes)

    @property
    def step(self) -> Callable[..., Mapping[str, jax.Array]]:
        """The network's."""
        return self.quality.step

    def init(self) -> Any:
        """Returns the network's empty accumulator."""
        return self.quality.init()

    def merge(self, acc: Any, out: Mapping[str, np.ndarray]) -> Any:
        """Returns `acc` with the network's results for one more batch."""
        return self.quality.merge(acc, out)

    def finish(self, acc: Any) -> Mapping[str, float | Image]:
        """Returns the network's results and the others."""
        beside = baseline_measures(self.pictures, self.training, self.degradation, self.scale)
        return {**self.quality.finish(acc), **beside}
