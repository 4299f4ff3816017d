"""The training of the small classifier: a Task for the one loop."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.devices.partition import Rules
from jaxrepro.core.state import Net, TrainState, Variables
from jaxrepro.core.task import Batch, BatchSpec, Evaluator, Every, HostBatch, Scalars
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer
from jaxrepro.data.pipeline import eval_batches, train_iterator
from jaxrepro.data.source import Source
from jaxrepro.data.transforms import Transform
from jaxrepro.data.views import AsTrained, Subset
from jaxrepro.metrics.classifier.model import ResNet, as_input

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


@dataclasses.dataclass(frozen=True)
class Classifier:
    """The small classifier as a `jaxrepro.core.task.Task`."""

    module: ResNet
    side: int
    resolution: int
    source: Source
    transform: Transform
    settings: ClassifierSettings

    @property
    def held_out(self) -> np.ndarray:
        """Indices of the images that are measured and not trained on, ascending."""
        order = np.random.default_rng(0).permutation(len(self.source))
        return np.sort(order[: min(math.ceil(len(order) / 10), _MAX_HELD_OUT)])

    @property
    def _train_source(self) -> Source:
        return Subset(self.source, np.setdiff1d(np.arange(len(self.source)), self.held_out))

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """Images uint8 [B, S, S, C] and labels int32 [B]."""
        size, num = self.resolution, self.settings.batch_size
        return {
            "image": BatchSpec((num, size, size, self.source.channels), np.uint8),
            "label": BatchSpec((num,), np.int32),
        }

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the images that are not held out, with the transform of the run they serve."""
        return train_iterator(
            self._train_source,
            self.transform,
            seed=0,
            batch_shape=(self.settings.batch_size,),
            start_step=start_step,
            process=process,
            num_processes=num_processes,
        )

    def init(self, key: jax.Array) -> TrainState:
        """Returns the new network."""
        image = jnp.zeros((1, self.side, self.side, self.source.channels))
        stats = dict(self.module.init(key, image, train=False))
        params = stats.pop("params")
        net = Net(params, stats, self._optimizer(params).init(params))
        return TrainState(jnp.zeros((), jnp.int32), key, nets={"model": net}, ema={})

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update, the loss and the accuracy on the batch."""

        def loss(params: Any, stats: Any, rows: Any) -> tuple[jax.Array, tuple[Any, Any]]:
            x = as_input(rows["image"], self.side)
            variables = {"params": params, **stats}
            out: Any = self.module.apply(variables, x, train=True, mutable=list(stats))
            (_, logits), stats = out
            picked = jnp.take_along_axis(nn.log_softmax(logits), rows["label"][:, None], axis=1)
            value = -picked.mean()
            hit = (logits.argmax(axis=1) == rows["label"]).mean()
            return value, (stats, {"loss/cross_entropy": value, "train_accuracy": hit})

        optimizer = self._optimizer(state.nets["model"].params)
        return step_lib.supervised_step(state, loss, batch, optimizer)

    def partition(self) -> Rules:
        """Whole copies on every device."""
        return ()

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns the accuracy on the held-out images."""
        return {"held_out": HeldOutAccuracy(self)}

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the network."""
        return {"classifier": state.nets["model"].variables}

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

    def _optimizer(self, params: Any) -> Any:
        total = self.settings.total_steps
        spec = OptimizerSpec(
            name="sgd",
            b1=0.9,
            learning_rate=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
            schedule="cosine",
            warmup_steps=total // 10,
            total_steps=total,
        )
        return make_optimizer(spec, params)


@dataclasses.dataclass(frozen=True)
class HeldOutAccuracy:
    """Share of the held-out images that get their class, by the network in evaluation mode."""

    task: Classifier

    @property
    def every(self) -> Every:
        """At the end of the training only."""
        return Every(0)

    @property
    def batch_size(self) -> int:
        """That of training."""
        return self.task.settings.batch_size

    def data(self, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields the held-out images as training would show them."""
        images = Subset(AsTrained(self.task.source, self.task.transform), self.task.held_out)
        return eval_batches(
            images,
            Transform(prepare=dict),
            self.batch_size,
            process=process,
            num_processes=num_processes,
        )

    def step(self, state: TrainState, batch: Batch, key: jax.Array) -> Mapping[str, jax.Array]:
        """Returns whether each image got its class."""
        x = as_input(batch["image"], self.task.side)
        out: Any = self.task.module.apply(state.nets["model"].variables, x, train=False)
        return {"hit": out.logits.argmax(axis=1) == batch["label"]}

    def init(self) -> tuple[int, int]:
        """Returns no hits of no images."""
        return 0, 0

    def merge(self, acc: tuple[int, int], out: Mapping[str, np.ndarray]) -> tuple[int, int]:
        """Returns hits and images with those of one more batch."""
        return acc[0] + int(out["hit"].sum()), acc[1] + len(out["hit"])

    def finish(self, acc: tuple[int, int]) -> Mapping[str, float]:
        """Returns the accuracy in [0, 1]."""
        return {"accuracy": acc[0] / acc[1]}
