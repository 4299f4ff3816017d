"""Image classification as a Task: labelled images in, a score for every class out."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self

import jax
import optax

from jaxrepro.core.config import Settings
from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.devices.partition import rules_from_settings
from jaxrepro.core.state import Collections, Params, Variables
from jaxrepro.core.supervised import Supervised
from jaxrepro.core.task import Batch, Evaluator, Every, References, Scalars
from jaxrepro.core.update.optim import OptimizerSpec
from jaxrepro.data.stream import TrainStream
from jaxrepro.nn.classifiers.small_images import Classified
from jaxrepro.nn.norms.example_groups import apply_in_groups, num_groups_from_settings
from jaxrepro.tasks.classification.error import (
    classification_error,
    described_results,
    network_size,
)
from jaxrepro.tasks.classification.images import NORMALIZATIONS, LabelledImages, network_input


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Classification(Supervised):
    """Training of a classifier. A paper's own is a subclass with what it changes.

    It changes `augment`, which varies a batch within the update; `loss`, what is minimised;
    `evaluators` and `references`; or nothing, with a network of its own.

    paper: its name. network: of the model card. module: (images, train=...) -> `Classified`.
    normalization: a key of NORMALIZATIONS; dtype: of the maps; num_groups: of examples with batch
    statistics of their own. error_every, error_batch: when, and how many images at once, the error
    is measured.
    """

    paper: str
    network: Mapping[str, Any]
    images: LabelledImages
    normalization: str
    dtype: str
    num_groups: int
    error_every: Every
    error_batch: int

    # --- What a paper changes.

    def augment(self, key: jax.Array, batch: Batch) -> Batch:
        """Returns the batch that `loss` sees, within the compiled update: as it is.

        batch: "image", uint8 [B, size, size, 3], and "label", int32 [B]. The network sees "image"
        of what is returned, of 0 to 255 whatever its type; `loss` sees all else, such as several
        labels for each image and their shares. key: of this update.
        """
        del key
        return batch

    def loss(
        self, params: Params, outputs: Classified, batch: Batch, step: jax.Array
    ) -> tuple[jax.Array, Scalars]:
        """Returns (what is minimised, what to log): the mean cross entropy, and the accuracy.

        params: of the whole network. outputs: its features and scores in training mode. batch: of
        `augment`. step: int32 [], the number of updates done before this one.
        """
        del params, step
        logits, labels = outputs.logits, batch["label"]
        value = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
        hit = (logits.argmax(axis=1) == labels).mean()
        return value, {"loss/cross_entropy": value, "train_accuracy": hit}

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns "test" and, at the end of a run, "size"."""
        return {
            "test": classification_error(
                self.images, self.classified, every=self.error_every, batch_size=self.error_batch
            ),
            "size": network_size(self.module, self.images.size),
        }

    def identities(self) -> Mapping[str, DataIdentity]:
        """Returns the images to train on and to measure."""
        images = self.images
        return {"data.source": images.train.identity(), "data.validation": images.test.identity()}

    def references(self) -> References:
        """Returns what the results mean."""
        return described_results()

    # --- What follows.

    def classified(self, variables: Variables, images: jax.Array) -> Classified:
        """Returns features and scores of images, uint8 [B, H, W, 3], in evaluation mode.

        What the network draws, such as the windows of fractional pooling, is the same for all
        images, at every measurement and for every seed.
        """
        rngs = {name: jax.random.key(0) for name in self.draws}
        outputs: Any = self.module.apply(
            variables, *self.inputs({"image": images}), train=False, rngs=rngs
        )
        return outputs

    def inputs(self, batch: Batch) -> tuple[jax.Array, ...]:
        """Returns the images as the network sees them."""
        return (network_input(batch["image"], self.normalization, self.dtype),)

    def prepared(self, batch: Batch, key: jax.Array) -> Batch:
        """Returns what `augment` makes of the batch."""
        return self.augment(key, batch)

    def objective(
        self, params: Params, stats: Collections, batch: Batch, key: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, tuple[Collections, Scalars]]:
        """Returns (`loss`, (the new statistics, its logs))."""
        outputs, stats = apply_in_groups(
            self.module,
            params,
            stats,
            *self.inputs(batch),
            num_groups=self.num_groups,
            rngs=self.rngs(key),
        )
        value, logs = self.loss(params, outputs, batch, step)
        return value, (stats, logs)

    def model_card(self) -> Mapping[str, Any]:
        """Returns what rebuilds the network, what it takes and what its scores mean."""
        return {
            "paper": self.paper,
            "network": self.network,
            "size": self.images.size,
            "normalization": NORMALIZATIONS[self.normalization],
            "class_names": list(self.images.train.class_names),
        }

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        paper: str,
        make_network: Callable[..., Any],
        network_card: Callable[[Any], Mapping[str, Any]],
        **fields: Any,
    ) -> Self:
        """Returns the Task that a config with `settings.shared_sections` describes.

        make_network: (the section `model`, num_classes=) -> the network; network_card: the network
        -> what is said of it on the card; for plain ones those of `networks`. fields: those that a
        subclass has beside. Raises InputError where the settings do not fit.
        """
        data, optim, train, measured = settings.data, settings.optim, settings.train, settings.eval
        images = LabelledImages.from_settings(data)
        module = make_network(settings.model, num_classes=images.train.num_classes)
        batch_size = train.at_least("batch_size", 1)
        return cls(
            paper=paper,
            network=network_card(module),
            module=module,
            images=images,
            stream=TrainStream(images.train, images.transform),
            normalization=data.one_of("normalization", tuple(NORMALIZATIONS)),
            dtype=settings.model.one_of("dtype", ("float32", "bfloat16")),
            optim=OptimizerSpec.from_settings(
                optim, name="sgd", nesterov=True, b1=optim.momentum, total_steps=train.total_steps
            ),
            batch_size=batch_size,
            num_groups=num_groups_from_settings(settings.model, batch_size),
            seed=settings.seed,
            error_every=Every(measured.at_least("every", 0)),
            error_batch=measured.at_least("batch_size", 1),
            rules=rules_from_settings(settings.mesh),
            **fields,
        )
