"""Measurements of a classifier: the share of test images it gets wrong, and its size."""

import types
from collections.abc import Callable, Mapping

import jax
import numpy as np
import optax
from scipy.stats import binomtest

from jaxrepro.core.state import TrainState, Variables
from jaxrepro.core.supervised import trained_variables
from jaxrepro.core.task import Batch, Every, PublishedFigure, References
from jaxrepro.metrics.evaluators import Rows
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.tasks.classification.images import LabelledImages
from jaxrepro.tasks.classification.networks import num_multiplications, num_parameters

_CONFIDENCE = 0.95
MEANINGS = {
    "test/top1_error": (
        "Percent of the test images that get another class than their own, by the weights of that "
        "update: the last value is the one to quote. The best of several was chosen on these images"
    ),
    "test/top1_error_low": "Where the 95 % interval (Wilson) of the error over test images begins",
    "test/top1_error_high": "Where the 95 % interval (Wilson) of the error over test images ends",
    "test/cross_entropy": "Mean of -log of the probability of an image's own class, natural log",
    "size/parameters": "Numbers that are learned",
    "size/multiplications": "Multiply-adds of convolutions and layers for one image",
}
_ERROR = "top1_error"
_BETTER = {f"test/{_ERROR}": "lower", "test/cross_entropy": "lower"}


def described_results(
    rows: tuple[PublishedFigure, ...] = (),
    citation: str = "",
    meanings: Mapping[str, str] = MEANINGS,
    better: Mapping[str, str] = types.MappingProxyType({}),
) -> References:
    """Returns what a classifier's results mean, with published rows.

    better: of results that the paper has beside, see `References`.
    """
    return References(
        rows,
        (),
        meanings,
        citation,
        better={**_BETTER, **better},
        headline=f"test/{_ERROR}",
    )


def classification_error(
    images: LabelledImages,
    classified: Callable[[Variables, jax.Array], Classified],
    *,
    every: Every,
    batch_size: int,
) -> Rows:
    """Returns the evaluator of the top-1 error on the test images, each seen once.

    For other images replace `batches` and `measured_on` together.

    classified: (variables, uint8 [B, H, W, C]) -> what the network makes of them in evaluation.
    """

    def step(state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns, for each image, whether it got another class than its own, and the loss."""
        del key
        logits = classified(trained_variables(state), batch["image"]).logits
        labels = batch["label"]
        return {
            "wrong": logits.argmax(axis=1) != labels,
            "loss": optax.softmax_cross_entropy_with_integer_labels(logits, labels),
        }

    return Rows(
        images.test_batches(batch_size),
        step,
        error_results,
        every,
        batch_size,
        images.words(images.test),
    )


def error_results(rows: Mapping[str, np.ndarray]) -> Mapping[str, float]:
    """Returns the error with its interval, in percent, and the mean loss.

    rows: "wrong", bool [N], and "loss", [N]. The interval (Wilson's, 95 %) says what other test
    images of the kind would change; what another seed would, it does not.
    """
    wrong, num = int(rows["wrong"].sum()), len(rows["wrong"])
    interval = binomtest(wrong, num).proportion_ci(_CONFIDENCE, method="wilson")
    return {
        "top1_error": 100 * wrong / num,
        "top1_error_low": 100 * float(interval.low),
        "top1_error_high": 100 * float(interval.high),
        "cross_entropy": float(rows["loss"].sum(dtype=np.float64)) / num,
    }


def network_size(module, size: int) -> Rows:
    """Returns the evaluator of parameters, and of multiply-adds for one image, at the end.

    Both are counted, not measured. size: of the images.
    """

    def results(rows: Mapping[str, np.ndarray]) -> Mapping[str, float]:
        del rows
        return {
            "parameters": float(num_parameters(module, size)),
            "multiplications": float(num_multiplications(module, size)),
        }

    return Rows(lambda process, num_processes: iter(()), _nothing, results, Every(0), 1)


def _nothing(state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
    del state, batch, key
    return {}
