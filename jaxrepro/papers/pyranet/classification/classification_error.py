"""Measurements of a classifier: the share of test images it gets wrong, and its size."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
import optax
from scipy.stats import binomtest

from jaxrepro.core.state import TrainState
from jaxrepro.core.task import Batch, Every, HostBatch
from jaxrepro.data.pipeline import eval_batches
from jaxrepro.data.transforms import Transform
from jaxrepro.papers.pyranet.classification.classification_data import LabelledImages, network_input
from jaxrepro.papers.pyranet.classification.classifiers import (
    Classifier,
    num_multiplications,
    num_parameters,
)

_CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True, eq=False)
class ClassificationError:
    """Top-1 error on the test images, each seen once, whole and unmirrored.

    The windows of fractional pooling are the same for all images, at every measurement and for
    every seed.
    """

    module: Classifier
    images: LabelledImages
    normalization: str
    dtype: str
    every: Every
    batch_size: int

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the test images, uint8 [B, size, size, 3], with their labels."""
        return eval_batches(
            self.images.measured,
            Transform(prepare=dict),
            self.batch_size,
            process=process,
            num_processes=num_processes,
        )

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns, for each image, whether it got another class than its own, and the loss."""
        del key
        logits: Any = self.module.apply(
            state.nets["model"].variables,
            network_input(batch["image"], self.normalization, self.dtype),
            train=False,
            rngs={"pooling": jax.random.key(0)},
        )
        labels = batch["label"]
        return {
            "wrong": logits.argmax(axis=1) != labels,
            "loss": optax.softmax_cross_entropy_with_integer_labels(logits, labels),
        }

    def init(self) -> tuple[int, int, float]:
        """Returns nothing wrong of no images, and no loss."""
        return 0, 0, 0.0

    def merge(
        self, acc: tuple[int, int, float], out: Mapping[str, np.ndarray]
    ) -> tuple[int, int, float]:
        """Returns wrong images, images and the sum of losses with those of one more batch."""
        wrong, num, loss = acc
        return (
            wrong + int(out["wrong"].sum()),
            num + len(out["wrong"]),
            loss + float(out["loss"].sum(dtype=np.float64)),
        )

    def finish(self, acc: tuple[int, int, float]) -> Mapping[str, float]:
        """Returns the error with its interval, in percent, and the mean loss.

        The interval (Wilson's, 95 %) says what other test images of the kind would change; what
        another seed would, it does not.
        """
        wrong, num, loss = acc
        interval = binomtest(wrong, num).proportion_ci(_CONFIDENCE, method="wilson")
        return {
            "top1_error": 100 * wrong / num,
            "top1_error_low": 100 * float(interval.low),
            "top1_error_high": 100 * float(interval.high),
            "cross_entropy": loss / num,
        }


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkSize:
    """Parameters, and multiply-adds for one image: counted, not measured; at the end."""

    module: Classifier
    size: int

    @property
    def every(self) -> Every:
        """At the end only."""
        return Every(0)

    @property
    def batch_size(self) -> int:
        """Of no batches."""
        return 1

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields nothing."""
        del process, num_processes
        return iter(())

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns nothing."""
        del state, batch, key
        return {}

    def init(self) -> None:
        """Returns nothing."""

    def merge(self, acc: None, out: Mapping[str, np.ndarray]) -> None:
        """Returns nothing."""
        del acc, out

    def finish(self, acc: None) -> Mapping[str, float]:
        """Returns both counts."""
        del acc
        return {
            "parameters": float(num_parameters(self.module)),
            "multiplications": float(num_multiplications(self.module, self.size)),
        }
