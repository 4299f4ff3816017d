"""Image classification as a Task: labelled images in, a score for every class out."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxrepro.core.config import Settings
from jaxrepro.core.devices.partition import Rules, rules_from_settings
from jaxrepro.core.random import named_key, streams
from jaxrepro.core.state import Net, TrainState, Variables
from jaxrepro.core.task import Batch, BatchSpec, Evaluator, Every, HostBatch, References, Scalars
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.nn.norms.example_groups import apply_in_groups, num_groups_from_settings
from jaxrepro.papers.pyranet.classification import classification_published
from jaxrepro.papers.pyranet.classification.classification_data import (
    NORMALIZATIONS,
    LabelledImages,
    network_input,
)
from jaxrepro.papers.pyranet.classification.classification_error import (
    ClassificationError,
    NetworkSize,
)
from jaxrepro.papers.pyranet.classification.classifiers import (
    Classifier,
    classifier_card,
    make_classifier,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Classification:
    """Training of a classifier by cross entropy.

    normalization: a key of NORMALIZATIONS; dtype: of the maps; num_groups: of examples with batch
    statistics of their own; rules: of `partition`.
    """

    module: Classifier
    images: LabelledImages
    normalization: str
    dtype: str
    optim: OptimizerSpec
    batch_size: int
    num_groups: int
    seed: int
    error: ClassificationError
    rules: Rules

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """Images uint8 [B, size, size, 3] and labels int32 [B]."""
        num, size = self.batch_size, self.images.size
        return {
            "image": BatchSpec((num, size, size, 3), np.uint8),
            "label": BatchSpec((num,), np.int32),
        }

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields images, all of them once before any again, each time varied anew."""
        return train_iterator(
            self.images.train,
            self.images.transform,
            seed=self.seed,
            batch_shape=(self.batch_size,),
            start_step=start_step,
            process=process,
            num_processes=num_processes,
        )

    def init(self, key: jax.Array) -> TrainState:
        """Returns the state before the first update."""
        keys = {"params": named_key(key, "params"), "pooling": named_key(key, "pooling")}
        x = jnp.zeros((1, self.images.size, self.images.size, 3))
        stats = dict(self.module.init(keys, x, train=False))
        params = stats.pop("params")
        net = Net(params, stats, make_optimizer(self.optim, params).init(params))
        return TrainState(jnp.zeros((), jnp.int32), key, nets={"model": net}, ema={})

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update, the loss and the accuracy on the batch."""
        (pooling,) = streams(state.key, state.step, "pooling")

        def loss(params: Any, stats: Any, rows: Any) -> tuple[jax.Array, tuple[Any, Any]]:
            logits, stats = apply_in_groups(
                self.module,
                params,
                stats,
                network_input(rows["image"], self.normalization, self.dtype),
                num_groups=self.num_groups,
                rngs={"pooling": pooling},
            )
            labels = rows["label"]
            value = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
            hit = (logits.argmax(axis=1) == labels).mean()
            return value, (stats, {"loss/cross_entropy": value, "train_accuracy": hit})

        optimizer = make_optimizer(self.optim, state.nets["model"].params)
        return step_lib.supervised_step(state, loss, batch, optimizer)

    def partition(self) -> Rules:
        """Returns the rules of the config's section `mesh`."""
        return self.rules

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns "test" and, at the end of a run, "size"."""
        return {"test": self.error, "size": NetworkSize(self.module, self.images.size)}

    def references(self) -> References:
        """Returns the published figures for this network, and what the results mean."""
        return classification_published.references(classifier_card(self.module), self.images)

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the network."""
        return {"model": state.nets["model"].variables}

    def model_card(self) -> Mapping[str, Any]:
        """Returns what rebuilds the network, what it takes and what its scores mean."""
        return {
            "paper": "pyranet",
            "network": classifier_card(self.module),
            "size": self.images.size,
            "normalization": NORMALIZATIONS[self.normalization],
            "class_names": list(self.images.train.class_names),
        }


def classification_from_settings(settings: Settings) -> Classification:
    """Returns the Task that a config describes; raises InputError where it does not fit."""
    data, optim, train, measured = settings.data, settings.optim, settings.train, settings.eval
    images = LabelledImages.from_settings(data)
    module = make_classifier(settings.model, num_classes=images.train.num_classes)
    normalization = data.one_of("normalization", tuple(NORMALIZATIONS))
    dtype = settings.model.one_of("dtype", ("float32", "bfloat16"))
    batch_size = train.at_least("batch_size", 1)
    return Classification(
        module=module,
        images=images,
        normalization=normalization,
        dtype=dtype,
        optim=OptimizerSpec.from_settings(
            optim, name="sgd", nesterov=True, b1=optim.momentum, total_steps=train.total_steps
        ),
        batch_size=batch_size,
        num_groups=num_groups_from_settings(settings.model, batch_size),
        seed=settings.seed,
        error=ClassificationError(
            module,
            images,
            normalization,
            dtype,
            every=Every(measured.at_least("every", 0)),
            batch_size=measured.at_least("batch_size", 1),
        ),
        rules=rules_from_settings(settings.mesh),
    )
