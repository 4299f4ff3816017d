"""SRCNN as a Task: patches in, mean squared error, whole pictures measured."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.config import Settings
from jaxrepro.core.devices import platform
from jaxrepro.core.devices.partition import Rules, rules_from_settings
from jaxrepro.core.state import Net, Params, TrainState, Variables
from jaxrepro.core.task import (
    Batch,
    BatchSpec,
    Evaluator,
    HostBatch,
    References,
    Scalars,
)
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer, parse_multipliers
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.data.sets.pictures import open_pictures
from jaxrepro.data.transforms import Transform
from jaxrepro.papers.srcnn.color_strategy import STRATEGIES, PlanesInLoss
from jaxrepro.papers.srcnn.measures.measurements import Measurements
from jaxrepro.papers.srcnn.network.networks import make_network, network_card
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.pairs.patches import Patches, PatchSpec, training_patches
from jaxrepro.papers.srcnn.pairs.planes import AUGMENTATIONS, COLORS, rescaled
from jaxrepro.papers.srcnn.start import starting_params
from jaxrepro.papers.srcnn.tables import published

# How the squared differences of a batch of N patches are reduced: "sum" is the authors' (half the
# sum over pixels, divided by N), "mean" divides by the number of pixels as well.
REDUCTIONS = ("mean", "sum")
_PATCHES_IN_CACHE = 16


@dataclasses.dataclass(frozen=True)
class SuperResolution:
    """Training of a super-resolution network on patches.

    start: parameters to begin with, None for random ones. rules: of `partition`.
    """

    module: Any
    patches: Patches
    patch: PatchSpec
    training: str
    degradation: str
    scale: int
    color: str
    planes_in_loss: PlanesInLoss
    start: Params | None
    augment: str
    reduction: str
    optim: OptimizerSpec
    batch_size: int
    seed: int
    measurements: Measurements
    rules: Rules

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """Inputs [B, side, side, C] and targets [B, target, target, C], float32 in [0, 1]."""
        num, channels = self.batch_size, self.module.channels
        side, target = self.patch.side, self.patch.target_side
        return {
            "image": BatchSpec((num, side, side, channels), np.float32),
            "target": BatchSpec((num, target, target, channels), np.float32),
        }

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields patches, all of them once before any again."""
        return train_iterator(
            self.patches,
            Transform(prepare=dict, augment=AUGMENTATIONS[self.augment]),
            seed=self.seed,
            batch_shape=(self.batch_size,),
            start_step=start_step,
            process=process,
            num_processes=num_processes,
        )

    def init(self, key: jax.Array) -> TrainState:
        """Returns the state before the first update."""
        side = self.patch.side
        if self.start is None:
            x = jnp.zeros((1, side, side, self.module.channels))
            params = self.module.init(key, x)["params"]
        else:
            params = jax.tree.map(jnp.asarray, self.start)
        net = Net(params, {}, make_optimizer(self.optim, params).init(params))
        return TrainState(jnp.zeros((), jnp.int32), key, nets={"model": net}, ema={})

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update, and the loss with its PSNR.

        The PSNR is of the whole batch as one picture, unrounded: for the curve, not for a table.
        Planes that do not count in the loss yet do not count in it either.
        """
        chosen = self.planes_in_loss(state.step)

        def loss(params: Any, stats: Any, rows: Any) -> tuple[jax.Array, tuple[Any, Any]]:
            difference = self.module.apply({"params": params}, rows["image"]) - rows["target"]
            error = jnp.mean(difference**2, axis=(0, 1, 2)) @ chosen / chosen.sum()
            logs = {"loss/mean_squared_error": error}
            pixels = difference.size // len(difference) * chosen.mean()
            return (error * pixels / 2 if self.reduction == "sum" else error), (stats, logs)

        optimizer = make_optimizer(self.optim, state.nets["model"].params)
        state, logs = step_lib.supervised_step(state, loss, batch, optimizer, self._parts)
        return state, {**logs, "train_psnr": -10 * jnp.log10(logs["loss/mean_squared_error"])}

    @property
    def _parts(self) -> int:
        # The maps of 16 patches stay in a CPU's cache: 128 take 1.2 to 1.6 times as long at once.
        whole = platform.on_cpu() and self.batch_size % _PATCHES_IN_CACHE == 0
        return self.batch_size // _PATCHES_IN_CACHE if whole else 1

    def partition(self) -> Rules:
        """Returns the rules of the config's section `mesh`."""
        return self.rules

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns what the config has measured, see `Measurements.evaluators`."""
        return self.measurements.evaluators(
            self.module,
            training=self.training,
            degradation=self.degradation,
            scale=self.scale,
            color=self.color,
        )

    def references(self) -> References:
        """Returns the published figures for this network, and what the results mean."""
        return published.references(
            network_card(self.module),
            sets=self.measurements.labels,
            scale=self.scale,
            degradation=self.degradation,
        )

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the network."""
        return {"model": {"params": state.nets["model"].params}}

    def model_card(self) -> Mapping[str, Any]:
        """Returns what rebuilds the network, and what it takes."""
        return {
            "paper": "srcnn",
            "network": network_card(self.module),
            "scale": self.scale,
            "color": self.color,
            "degradation": self.degradation,
        }


def from_settings(settings: Settings) -> SuperResolution:
    """Returns the Task that a config describes; raises InputError where it does not fit."""
    data, optim, train = settings.data, settings.optim, settings.train
    scale = data.at_least("scale", 2)
    strategy = STRATEGIES[data.one_of("color", tuple(STRATEGIES))]
    color = strategy.planes
    degradation = data.one_of("degradation", tuple(DEGRADATIONS))
    module = make_network(settings.model, channels=len(COLORS[color]), scale=scale)
    patch = PatchSpec(
        side=data.at_least("patch", 2 * module.margin + 1),
        stride=data.at_least("stride", 1),
        margin=module.margin,
        factor=module.factor,
    )
    pictures = rescaled(open_pictures(data.source), data.rescale)
    return SuperResolution(
        module=module,
        patch=patch,
        training=pictures.spec,
        degradation=degradation,
        scale=scale,
        color=color,
        planes_in_loss=PlanesInLoss.from_settings(strategy, settings.loss, train.total_steps),
        start=starting_params(settings.start, module, scale=scale, strategy=strategy),
        augment=data.one_of("augment", tuple(AUGMENTATIONS)),
        reduction=settings.loss.one_of("reduction", REDUCTIONS),
        optim=OptimizerSpec(
            name=optim.name,
            learning_rate=optim.at_least("learning_rate", 0),
            b1=optim.below_one("b1"),
            schedule=optim.schedule,
            warmup_steps=optim.warmup_steps,
            total_steps=train.total_steps,
            multipliers=parse_multipliers(optim.multipliers),
        ),
        batch_size=train.at_least("batch_size", 1),
        seed=settings.seed,
        measurements=Measurements.from_settings(settings),
        rules=rules_from_settings(settings.mesh),
        # Last, because it takes longest: what is wrong with the rest is said before.
        patches=training_patches(
            pictures, DEGRADATIONS[degradation], patch, scale=scale, color=color
        ),
    )
