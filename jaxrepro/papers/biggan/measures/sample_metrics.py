"""Samples of the moving average beside real images, in the space of a feature network."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Batch, Every, HostBatch
from jaxrepro.data.padding import padded_batches
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import Transform
from jaxrepro.metrics.evaluators import Columns, KeepsRows
from jaxrepro.metrics.feature_choice import feature_network
from jaxrepro.metrics.features.feature_network import FeatureNetwork
from jaxrepro.metrics.samples.comparison import ComparisonSettings, compare, comparison_warnings
from jaxrepro.metrics.samples.feature_set import FeatureSet, ReferenceSet, reference_set
from jaxrepro.papers.biggan.measures.evaluators import generate
from jaxrepro.papers.biggan.network.model import Generator


@dataclasses.dataclass(frozen=True, eq=False)
class SampleMetrics(KeepsRows):
    """An Evaluator: distances, scores, precision and recall of samples, each with its full name.

    Images are made and pass through the feature network on the devices; only features and logits
    come to the host. Sample i is the same image at every step of a run, but for what was learnt.

    features: a file of Inception weights, or "" for the classifier of the training images.
    labels: int32 [N], the classes of the N samples, in random order.
    num_reference: training images to compare with, at most.
    """

    generator: Generator
    latent: str
    every: Every
    batch_size: int
    source: Source
    transform: Transform
    features: str
    labels: np.ndarray
    num_reference: int
    comparison: ComparisonSettings

    @property
    def measured_on(self) -> str:
        """The samples, and the real images beside them; the results' names say the network."""
        num_real = min(self.num_reference, len(self.source))
        return (
            f"{len(self.labels):,} samples of the generator's moving average, not truncated, "
            f"beside {num_real:,} real images of {self.source.spec}, split {self.source.split}"
        )

    @functools.cached_property
    def network(self) -> FeatureNetwork:
        """The feature network, loaded or trained at first use."""
        resolution = self.generator.resolution
        return feature_network(self.features, self.source, self.transform, resolution)

    @functools.cached_property
    def reference(self) -> ReferenceSet:
        """The features of real images, from the cache if it has them."""
        return reference_set(
            self.network, self.source, self.transform, self.num_reference, self.batch_size
        )

    def load_variables(self) -> Any:
        """Returns the feature network's arrays; makes the features of real images too."""
        num = len(self.reference)
        print(f"measurements: {len(self.labels)} samples, {num} real images, {self.network.name}")
        return self.network.variables

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields labels and sample numbers."""
        rows = {"label": self.labels, "index": np.arange(len(self.labels), dtype=np.int32)}
        return padded_batches(rows, self.batch_size, process, num_processes)

    def step(
        self, state: TrainState, batch: Batch, key: jax.Array, variables: Any
    ) -> Mapping[str, jax.Array]:
        """Returns features [B, D], logits [B, K] and labels of the samples."""
        index, label = batch["index"], batch["label"]
        images = generate(self.generator, self.latent, state.ema["g"], key, index, label)
        out = self.network.apply(variables, images)
        return {"features": out.features, "logits": out.logits, "labels": label}

    def results(self, rows: Columns) -> Mapping[str, float]:
        """Returns the figures of `jaxrepro.metrics.samples.comparison.compare`."""
        samples = FeatureSet(rows["features"], rows["logits"], rows["labels"])
        num_features = self.network.num_features
        for message in comparison_warnings(len(self.reference), len(samples), num_features):
            _say_once(f"warning: measurements with {self.network.name}: {message}")
        return compare(self.network.name, self.reference, samples, self.comparison)


@functools.cache
def _say_once(message: str) -> None:
    print(message)
