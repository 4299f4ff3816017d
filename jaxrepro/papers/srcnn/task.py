"""SRCNN as a Task: patches in, mean squared error, whole pictures measured."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.data_identity import DataIdentity, arrays_identity, joined
from jaxrepro.core.devices import platform
from jaxrepro.core.devices.partition import rules_from_settings
from jaxrepro.core.state import Collections, Params, TrainState, Variables
from jaxrepro.core.supervised import Supervised
from jaxrepro.core.task import (
    Batch,
    Evaluator,
    References,
    Scalars,
)
from jaxrepro.core.update.optim import OptimizerSpec
from jaxrepro.data.sets.pictures import Pictures, open_pictures
from jaxrepro.data.stream import TrainStream
from jaxrepro.data.transforms import Transform
from jaxrepro.papers.srcnn.measures.measurements import Measurements
from jaxrepro.papers.srcnn.network.networks import make_network, network_card
from jaxrepro.papers.srcnn.pairs.color_strategy import STRATEGIES, PlanesInLoss
from jaxrepro.papers.srcnn.pairs.degradation import DEGRADATIONS
from jaxrepro.papers.srcnn.pairs.patches import PatchSpec, training_patches
from jaxrepro.papers.srcnn.pairs.planes import AUGMENTATIONS, COLORS, rescaled
from jaxrepro.papers.srcnn.start import starting_params
from jaxrepro.papers.srcnn.tables import published

# How the squared differences of a batch of N patches are reduced: "sum" is the authors' (half the
# sum over pixels, divided by N), "mean" divides by the number of pixels as well.
REDUCTIONS = ("mean", "sum")
_PATCHES_IN_CACHE = 16


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class SuperResolution(Supervised):
    """Training of a super-resolution network on patches.

    Inputs are [B, side, side, C] and targets [B, target, target, C], float32 in [0, 1].
    start: parameters to begin with, None for random ones.
    """

    patch: PatchSpec
    pictures: Pictures
    degradation: str
    scale: int
    color: str
    planes_in_loss: PlanesInLoss
    start: Params | None
    reduction: str
    measurements: Measurements

    def identities(self) -> Mapping[str, DataIdentity]:
        """Returns the sets of pictures, and the parameters to begin with."""
        start = {} if self.start is None else {"start.weights": arrays_identity(self.start)}
        measured = joined([pictures.identity() for pictures in self.measurements.validation])
        return {"data.source": self.pictures.identity(), "data.validation": measured, **start}

    def initial(self, key: jax.Array) -> Variables:
        """Returns the parameters to begin with."""
        if self.start is not None:
            return {"params": jax.tree.map(jnp.asarray, self.start)}
        side = self.patch.side
        return self.module.init(key, jnp.zeros((1, side, side, self.module.channels)))

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update, and the loss with its PSNR.

        The PSNR is of the whole batch as one picture, unrounded: for the curve, not for a table.
        Planes that do not count in the loss yet do not count in it either.
        """
        state, logs = super().train_step(state, batch)
        return state, {**logs, "train_psnr": -10 * jnp.log10(logs["loss/mean_squared_error"])}

    def inputs(self, batch: Batch) -> tuple[jax.Array, ...]:
        """Returns the degraded patches."""
        return (batch["image"],)

    def objective(
        self, params: Params, stats: Collections, batch: Batch, key: jax.Array, step: jax.Array
    ) -> tuple[jax.Array, tuple[Collections, Scalars]]:
        """Returns the squared error, as `reduction` says, over the planes that count."""
        del key
        chosen = self.planes_in_loss(step)
        difference = self.module.apply({"params": params}, *self.inputs(batch)) - batch["target"]
        error = jnp.mean(difference**2, axis=(0, 1, 2)) @ chosen / chosen.sum()
        logs = {"loss/mean_squared_error": error}
        pixels = difference.size // len(difference) * chosen.mean()
        return (error * pixels / 2 if self.reduction == "sum" else error), (stats, logs)

    @property
    def parts(self) -> int:
        """One for 16 patches on a CPU.

        The maps of so many stay in its cache: 128 take 1.2 to 1.6 times as long at once.
        """
        whole = platform.on_cpu() and self.batch_size % _PATCHES_IN_CACHE == 0
        return self.batch_size // _PATCHES_IN_CACHE if whole else 1

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns what the config has measured, see `Measurements.evaluators`."""
        return self.measurements.evaluators(
            self.module,
            training=self.pictures.spec,
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
    pictures = open_pictures(data.source)
    scaled = rescaled(pictures, data.rescale)
    augment = AUGMENTATIONS[data.one_of("augment", tuple(AUGMENTATIONS))]
    return SuperResolution(
        module=module,
        patch=patch,
        pictures=pictures,
        degradation=degradation,
        scale=scale,
        color=color,
        planes_in_loss=PlanesInLoss.from_settings(strategy, settings.loss, train.total_steps),
        start=starting_params(settings.start, module, scale=scale, strategy=strategy),
        reduction=settings.loss.one_of("reduction", REDUCTIONS),
        optim=OptimizerSpec.from_settings(optim, total_steps=train.total_steps),
        batch_size=train.at_least("batch_size", 1),
        seed=settings.seed,
        measurements=Measurements.from_settings(settings),
        rules=rules_from_settings(settings.mesh),
        # Last, because it takes longest: what is wrong with the rest is said before.
        stream=TrainStream(
            training_patches(scaled, DEGRADATIONS[degradation], patch, scale=scale, color=color),
            Transform(prepare=dict, augment=augment),
        ),
    )
