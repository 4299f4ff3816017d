"""Measurements of a classifier's features: tight classes, and odd inputs that are told by them."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.state import TrainState, Variables
from jaxrepro.core.supervised import trained_variables
from jaxrepro.core.task import Batch, Every, HostBatch
from jaxrepro.data.views import random_subset
from jaxrepro.metrics.evaluators import Rows
from jaxrepro.metrics.feature_density import fitted_scores, variance_ratio
from jaxrepro.metrics.fgsm import fgsm
from jaxrepro.metrics.ranking import auroc
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.tasks.classification.images import LabelledImages, network_input
from jaxrepro.tasks.classification.task import Classification
from jaxrepro.tasks.classification.trained_classifier import TrainedClassifier

# (variables, uint8 or float images [B, H, W, C] of 0 to 255) -> what the network makes of them.
Classify = Callable[[Variables, jax.Array], Classified]
Columns = Mapping[str, np.ndarray]
# Training images that Gaussians are fitted to.
NUM_FITTED = 5000
MEANINGS = {
    "features/variance_ratio": "Variance of test features between classes over that within",
    "attack/fooled": (
        "Percent of the right test images that one step along the signs of the gradient makes wrong"
    ),
    "attack/auroc_likelihood": (
        "Share of pairs of a right image and a successful attack in which the image has the higher "
        "likelihood of features"
    ),
    "attack/auroc_probability": "The same by the probability of the likeliest class",
    "attack/auroc_fitted": "The same by Gaussians fitted afterwards to training features",
}


def feature_evaluators(task: Classification, eps: float, *, densities: bool) -> dict[str, Rows]:
    """Returns "features", `feature_variance`, and "attack", `attack_detection`, of a Task."""
    images, classified, batch_size = task.images, task.classified, task.error_batch
    spread = feature_variance(images, classified, every=task.error_every, batch_size=batch_size)
    attack = attack_detection(
        images, classified, eps=eps, densities=densities, batch_size=batch_size
    )
    return {"features": spread, "attack": attack}


def feature_variance(
    images: LabelledImages, classified: Classify, *, every: Every, batch_size: int
) -> Rows:
    """Returns the evaluator of `variance_ratio` on the test images."""

    def step(state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        del key
        found = classified(trained_variables(state), batch["image"])
        return {"features": found.features, "label": batch["label"]}

    def results(rows: Columns) -> Mapping[str, float]:
        return {"variance_ratio": variance_ratio(rows["features"], rows["label"])}

    return Rows(images.test_batches(batch_size), step, results, every, batch_size)


def attack_detection(
    images: LabelledImages, classified: Classify, *, eps: float, densities: bool, batch_size: int
) -> Rows:
    """Returns the evaluator of `detected` at the end, for `fgsm` of that eps on the test images."""
    part = random_subset(images.train, NUM_FITTED)
    trained = dataclasses.replace(images, train=part).train_batches(batch_size)
    tests = images.test_batches(batch_size)

    def batches(process: int, num_processes: int) -> Iterable[HostBatch]:
        for is_test, of_split in ((False, trained), (True, tests)):
            for batch in of_split(process, num_processes):
                yield {**batch, "is_test": np.full(len(batch["mask"]), is_test)}

    def step(state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        del key
        variables = trained_variables(state)
        rows = attacked(
            lambda pixels: classified(variables, pixels), batch["image"], batch["label"], eps
        )
        return {**rows, "is_test": batch["is_test"]}

    def results(rows: Columns) -> Mapping[str, float]:
        known, test = (
            {name: x[rows["is_test"] == is_test] for name, x in rows.items()}
            for is_test in (False, True)
        )
        return detected(known, test, densities=densities)

    return Rows(batches, step, results, Every(0), batch_size)


def detected_attacks(
    trained: TrainedClassifier,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    *,
    eps: float,
) -> dict[str, float]:
    """Returns `detected` of a trained network for `fgsm` of that eps.

    train, test: images, uint8 [N, S, S, 3] of the network's size, and labels [N].
    """

    def classified(pixels: jax.Array) -> Classified:
        x = network_input(pixels, trained.normalization, "float32")
        outputs: Any = trained.module.apply(trained.variables, x, train=False)
        return outputs

    columns = jax.jit(lambda images, labels: attacked(classified, images, labels, eps))
    known = {"features": np.asarray(trained.outputs(train[0]).features), "label": train[1]}
    densities = trained.gaussians() is not None
    return detected(known, jax.device_get(columns(*test)), densities=densities)


def attacked(
    classified: Callable[[jax.Array], Classified], images: jax.Array, labels: jax.Array, eps: float
) -> dict[str, jax.Array]:
    """Returns columns of images, and under "odd_" of the same after `fgsm`, and "label".

    Each has "features", "right", whether the class is found, and the scores "probability", of the
    likeliest class in logarithms, and "likelihood", the highest of all logits.
    """
    changed = fgsm(lambda pixels: classified(pixels).logits, images, labels, eps)

    def columns(pixels: jax.Array) -> dict[str, jax.Array]:
        features, logits = classified(pixels)
        return {
            "features": features,
            "right": logits.argmax(axis=1) == labels,
            "probability": jax.nn.log_softmax(logits).max(axis=1),
            "likelihood": logits.max(axis=1),
        }

    odd = {f"odd_{name}": x for name, x in columns(changed).items()}
    return {"label": labels, **columns(jnp.asarray(images, jnp.float32)), **odd}


def detected(known: Columns, rows: Columns, *, densities: bool) -> dict[str, float]:
    """Returns how well each score tells right images from the attacks that made them wrong.

    known: "features" and "label" of training images; rows: of `attacked`, of test images.
    densities: whether logits are log-likelihoods of features. Results: "fooled", percent of the
    right images, and areas under the curve; NaN where no attack succeeded.
    """
    right, fooled = rows["right"], rows["right"] & ~rows["odd_right"]

    def area(score: Callable[[str], np.ndarray]) -> float:
        return auroc(score("")[right], score("odd_")[fooled])

    def fitted(kind: str) -> np.ndarray:
        return fitted_scores(known["features"], known["label"], rows[f"{kind}features"])

    found = {
        "fooled": 100 * float(fooled.sum()) / max(int(right.sum()), 1),
        "auroc_probability": area(lambda kind: rows[f"{kind}probability"]),
        "auroc_fitted": area(fitted),
    }
    if densities:
        found["auroc_likelihood"] = area(lambda kind: rows[f"{kind}likelihood"])
    return found
