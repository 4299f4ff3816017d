"""Classifiers trained on mixed images: RICAP, and what it is compared with, in one Task."""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.augment.holes import cutout, random_erasing
from jaxrepro.augment.mixed import Patched, mixup, unmixed
from jaxrepro.augment.ricap import CROPS, LABELS, SCOPES, ricap
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.random import named_key
from jaxrepro.core.state import Params, TrainState
from jaxrepro.core.supervised import trained_variables
from jaxrepro.core.task import Batch, Evaluator, Every, References, Scalars
from jaxrepro.losses.mixed_labels import mixed_agreement, mixed_cross_entropy
from jaxrepro.metrics.calibration import calibration_error
from jaxrepro.metrics.evaluators import Rows
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.papers.ricap.settings import AUGMENTATIONS
from jaxrepro.tasks.classification.error import MEANINGS, classification_error, described_results
from jaxrepro.tasks.classification.networks import classifier_card, make_classifier
from jaxrepro.tasks.classification.task import Classification

# (key, uint8 images [B, H, W, C], labels [B]) -> what the network and its loss see.
Augmentation = Callable[[jax.Array, jax.Array, jax.Array], Patched]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class MixedClassification(Classification):
    """Classification whose batches are augmented on the device, with several labels an image.

    augmentation: within the compiled update, after images were moved and mirrored.
    """

    augmentation: Augmentation

    def augment(self, key: jax.Array, batch: Batch) -> Batch:
        """Returns {"image", "labels" [P, B], "shares" [P] or [P, B]}."""
        patched = self.augmentation(named_key(key, "ricap"), batch["image"], batch["label"])
        return {"image": patched.images, "labels": patched.labels, "shares": patched.shares}

    def loss(
        self, params: Params, outputs: Classified, batch: Batch, step: jax.Array
    ) -> tuple[jax.Array, Scalars]:
        """Returns the shares' cross entropy; "train_agreement" is what accuracy is otherwise."""
        del params, step
        mixed = outputs.logits, batch["labels"], batch["shares"]
        value = mixed_cross_entropy(*mixed)
        return value, {"loss/cross_entropy": value, "train_agreement": mixed_agreement(*mixed)}

    @property
    def draws(self) -> tuple[str, ...]:
        """Dropout, where the network has it."""
        return ("dropout",) if getattr(self.module, "dropout", 0) else ()

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns those of all classifiers, the calibration, and at the end the training error."""

        def step(state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
            del key
            logits = self.classified(trained_variables(state), batch["image"]).logits
            probabilities = jax.nn.softmax(logits.astype(jnp.float32))
            return {
                "confidence": probabilities.max(axis=1),
                "right": probabilities.argmax(axis=1) == batch["label"],
            }

        def results(rows: Mapping[str, np.ndarray]) -> Mapping[str, float]:
            return {"error": 100 * calibration_error(rows["confidence"], rows["right"])}

        batch_size = self.error_batch
        train = classification_error(
            self.images, self.classified, every=Every(0), batch_size=batch_size
        )
        return {
            **super().evaluators(),
            "calibration": Rows(
                self.images.test_batches(batch_size),
                step,
                results,
                self.error_every,
                batch_size,
                self.images.words(self.images.test),
            ),
            "train": dataclasses.replace(
                train,
                batches=self.images.train_batches(batch_size),
                measured_on=self.images.words(self.images.train),
            ),
        }

    def references(self) -> References:
        """Returns what the results mean; published figures stand in the claims."""
        return described_results(meanings=_MEANINGS, better=_BETTER)


_BETTER = {"calibration/error": "lower"}
_MEANINGS = {
    **MEANINGS,
    "calibration/error": (
        "Expected calibration error in percent, 15 bins: how far the confidence of the chosen "
        "class is from the share that is right"
    ),
    "train/top1_error": (
        "Percent of the training images, not varied, that get another class. A network that errs "
        "on them has nothing to gain from augmentation"
    ),
}


def from_settings(settings: Settings) -> MixedClassification:
    """Returns the Task of `configs/ricap.py`; raises InputError where the settings do not fit."""
    return MixedClassification.from_settings(
        settings,
        paper="ricap",
        make_network=make_classifier,
        network_card=classifier_card,
        augmentation=_augmentation(settings.augment, settings.data.size),
    )


def _augmentation(augment: Settings, size: int) -> Augmentation:
    """Returns what the section `augment` describes; all of it is read, whatever is used."""
    name = augment.one_of("name", AUGMENTATIONS)
    choices = {
        "scope": augment.one_of("scope", SCOPES),
        "label": augment.one_of("labels", LABELS),
        "crop": augment.one_of("crop", CROPS),
        "patch": augment.one_of("patch", (True, False)),
    }
    beta, alpha = (augment.at_least(key, 0) for key in ("beta", "alpha"))
    hole = augment.at_least("hole", 1)
    if not beta or not alpha:
        raise InputError(f"augment.beta is {beta}, augment.alpha {alpha}; both are above 0")
    if hole > size:
        raise InputError(f"augment.hole is {hole} for images of {size} pixels; give {size} or less")
    made: Mapping[str, Augmentation] = {
        "none": lambda key, images, labels: unmixed(images, labels),
        "ricap": lambda key, images, labels: ricap(key, images, labels, beta, **choices),
        "mixup": lambda key, images, labels: mixup(key, images, labels, alpha),
        "cutout": lambda key, images, labels: unmixed(cutout(key, images, hole), labels),
        "erasing": lambda key, images, labels: unmixed(random_erasing(key, images), labels),
    }
    return made[name]
