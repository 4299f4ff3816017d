"""The training of the small classifier: a Task for the one loop."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.state import Collections, Params, TrainState, Variables
from jaxrepro.core.supervised import Supervised, trained_variables
from jaxrepro.core.task import Batch, Evaluator, Every, HostBatch, Scalars
from jaxrepro.core.update.optim import OptimizerSpec
from jaxrepro.data.pipeline import eval_batches
from jaxrepro.data.source import Source
from jaxrepro.data.stream import TrainStream
from jaxrepro.data.transforms import Transform
from jaxrepro.data.views import AsTrained, Subset
from jaxrepro.metrics.classifier.model import ResNet, as_input
from jaxrepro.metrics.evaluators import Rows, means

# One image in ten, at most this many, is not trained on but measured.
_MAX_HELD_OUT = 5000
_NUM_EPOCHS = 5
_MIN_STEPS, _MAX_STEPS = 300, 20_000
_BATCH_SIZE = 128


@dataclasses.dataclass(frozen=True)
class ClassifierSettings:
    """How the classifier is made; all of it is part of the key of its cache."""

    blocks_per_stage: int
    width: int
    batch_size: int
    total_steps: int
    learning_rate: float = 0.1
    weight_decay: float = 5e-4

    @classmethod
    def for_images(cls, num_images: int) -> "ClassifierSettings":
        """Returns settings that take minutes on two CPU cores: 8 layers, about five passes."""
        # A power of two divides over all devices where their number is one.
        batch_size = min(_BATCH_SIZE, 2 ** int(math.log2(max(num_images // 2, 1))))
        steps = _NUM_EPOCHS * num_images // batch_size
        return cls(1, 16, batch_size, min(max(steps, _MIN_STEPS), _MAX_STEPS))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Classifier(Supervised):
    """The small classifier as a `jaxrepro.core.task.Task`; `classifier_task` makes it."""

    side: int
    resolution: int
    source: Source
    transform: Transform
    settings: ClassifierSettings

    @property
    def held_out(self) -> np.ndarray:
        """Indices of the images that are measured and not trained on, ascending."""
        return held_out(self.source)

    def initial(self, key: jax.Array) -> Variables:
        """Returns the new network's variables."""
        image = jnp.zeros((1, self.side, self.side, self.source.channels))
        return self.module.init(key, image, train=False)

    def inputs(self, batch: Batch) -> tuple[jax.Array, ...]:
        """Returns the images as the network sees them."""
        return (as_input(batch["image"], self.side),)

    def objective(
        self, params: Params, stats: Collections, batch: Batch, key: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, tuple[Collections, Scalars]]:
        """Returns the cross entropy, and logs it with the accuracy on the batch."""
        del key, step
        variables = {"params": params, **stats}
        inputs = self.inputs(batch)
        out: Any = self.module.apply(variables, *inputs, train=True, mutable=list(stats))
        (_, logits), stats = out
        picked = jnp.take_along_axis(nn.log_softmax(logits), batch["label"][:, None], axis=1)
        value = -picked.mean()
        hit = (logits.argmax(axis=1) == batch["label"]).mean()
        return value, (stats, {"loss/cross_entropy": value, "train_accuracy": hit})

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns the accuracy on the held-out images, at the end."""
        return {
            "held_out": Rows(
                batches=self._held_out_batches,
                step=self._hits,
                results=means("accuracy"),
                every=Every(0),
                batch_size=self.batch_size,
            )
        }

    def _held_out_batches(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the held-out images as training would show them."""
        return eval_batches(
            Subset(AsTrained(self.source, self.transform), self.held_out),
            Transform(prepare=dict),
            self.batch_size,
            process=process,
            num_processes=num_processes,
        )

    def _hits(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        del key
        out: Any = self.module.apply(trained_variables(state), *self.inputs(batch), train=False)
        return {"accuracy": out.logits.argmax(axis=1) == batch["label"]}

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the network."""
        return {"classifier": trained_variables(state)}

    def model_card(self) -> Mapping[str, Any]:
        """Returns what rebuilds the network, and what it was made of."""
        return {
            "module": {
                name: getattr(self.module, name)
                for name in ("num_classes", "blocks_per_stage", "width")
            },
            "side": self.side,
            "resolution": self.resolution,
            "channels": self.source.channels,
            "data": repr(self.source),
            "data_spec": self.source.spec,
            "num_images": len(self.source),
            "num_held_out": len(self.held_out),
            "class_names": list(self.source.class_names),
            "transform": self.transform.description,
            "settings": dataclasses.asdict(self.settings),
        }


def classifier_task(
    module: ResNet,
    *,
    side: int,
    resolution: int,
    source: Source,
    transform: Transform,
    settings: ClassifierSettings,
) -> Classifier:
    """Returns the training of `module` on the images of `source` that are not held out.

    side: of the pictures that the network sees; resolution: of those that `transform` makes.
    """
    total = settings.total_steps
    trained_on = np.setdiff1d(np.arange(len(source)), held_out(source))
    return Classifier(
        module=module,
        stream=TrainStream(Subset(source, trained_on), transform),
        optim=OptimizerSpec(
            name="sgd",
            b1=0.9,
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            schedule="cosine",
            warmup_steps=total // 10,
            total_steps=total,
        ),
        batch_size=settings.batch_size,
        seed=0,
        side=side,
        resolution=resolution,
        source=source,
        transform=transform,
        settings=settings,
    )


def held_out(source: Source) -> np.ndarray:
    """Returns the indices of the images that are measured and not trained on, ascending."""
    order = np.random.default_rng(0).permutation(len(source))
    return np.sort(order[: min(math.ceil(len(order) / 10), _MAX_HELD_OUT)])
