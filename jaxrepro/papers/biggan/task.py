"""BigGAN's training: one update is num_d_steps discriminator updates and one of the generator."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.config import MOST_WORKERS, Settings
from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.devices.mesh import split_examples
from jaxrepro.core.devices.partition import Rules, rules_from_settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.random import named_key, streams
from jaxrepro.core.state import TrainState, Variables
from jaxrepro.core.supervised import new_net
from jaxrepro.core.task import (
    Batch,
    BatchSpec,
    Evaluator,
    Every,
    HostBatch,
    Monitor,
    References,
    Scalars,
)
from jaxrepro.core.update.optim import OptimizerSpec
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.data.sets.fingerprints import weights_file
from jaxrepro.data.source import Source
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import Transform, crop_transform, square_transform
from jaxrepro.nn.norms.example_groups import num_groups_from_settings
from jaxrepro.papers.biggan.measures.evaluators import make_evaluators
from jaxrepro.papers.biggan.measures.measurements import Measurements
from jaxrepro.papers.biggan.measures.published import references
from jaxrepro.papers.biggan.network.latents import DISTRIBUTIONS
from jaxrepro.papers.biggan.network.networks import module_fields, networks_from_settings
from jaxrepro.papers.biggan.training.stability import monitor_from_settings
from jaxrepro.papers.biggan.training.update import NOT_ORTHOGONAL, AdversarialUpdate


@dataclasses.dataclass(frozen=True)
class BigGAN:
    """BigGAN as a `jaxrepro.core.task.Task`; see `settings.py` for what the values mean."""

    update: AdversarialUpdate
    batch_size: int
    num_d_steps: int
    microbatches: int
    source: Source
    transform: Transform
    data_seed: int
    num_workers: int
    eval_every: Every
    eval_batch_size: int
    sheet_classes: int
    sheet_columns: int
    measurements: Measurements
    state_monitor: Monitor
    rules: Rules

    @property
    def generator(self) -> Any:
        """The generator's module."""
        return self.update.generator

    @property
    def _microbatch(self) -> int:
        return self.batch_size // self.microbatches

    # --- Data.

    def identities(self) -> Mapping[str, DataIdentity]:
        """Returns the images, and the file of the network that measures samples."""
        validation, features = self.measurements.validation, self.measurements.features
        network = weights_file(features) if features else None
        return {
            "data.source": self.source.identity(),
            **({"data.validation": validation.identity()} if validation else {}),
            **({"eval.features": network} if network else {}),
        }

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """Real images and labels: axes [discriminator step, microbatch, example, ...]."""
        side = self.generator.resolution
        shape = (self.num_d_steps, self.microbatches, self._microbatch)
        return {
            "image": BatchSpec((*shape, side, side, self.generator.channels), np.uint8, 2),
            "label": BatchSpec(shape, np.int32, 2),
        }

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields real images uint8 and labels from update `start_step` on."""
        return train_iterator(
            self.source,
            self.transform,
            seed=self.data_seed,
            batch_shape=self.batch_spec["label"].shape,
            start_step=start_step,
            process=process,
            num_processes=num_processes,
            num_workers=self.num_workers,
        )

    # --- State.

    def init(self, key: jax.Array) -> TrainState:
        """Returns new networks; the moving average starts as a copy of the generator."""
        side, channels = self.generator.resolution, self.generator.channels
        z, labels = jnp.zeros((1, self.generator.dim_z)), jnp.zeros((1,), jnp.int32)
        g = self.generator.init(named_key(key, "init/g"), z, labels, train=False)
        image = jnp.zeros((1, side, side, channels))
        d = self.update.discriminator.init(named_key(key, "init/d"), image, labels, train=False)
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            nets={"g": new_net(g, self.update.g_optim), "d": new_net(d, self.update.d_optim)},
            ema={"g": jax.tree.map(jnp.copy, g)},
        )

    def partition(self) -> Rules:
        """Returns the rules of the config's section `mesh`."""
        return self.rules

    # --- The update.

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after num_d_steps updates of D and one of G, and the losses."""
        d_key, g_key = streams(state.key, state.step, "d", "g")
        shape = (self.microbatches, self._microbatch)
        # The generator's own update sees no data, from which its split over devices would follow.
        d_fakes = split_examples(self.update.draw(d_key, (self.num_d_steps, *shape)), 2)
        g_fakes = split_examples(self.update.draw(g_key, shape), 1)
        return self.update(
            state,
            real={"image": to_signed(batch["image"]), "label": batch["label"]},
            d_fakes=d_fakes,
            g_fakes=g_fakes,
        )

    def monitor(self) -> Monitor:
        """Returns the spectra of all weights and the collapse guard."""
        return self.state_monitor

    # --- What comes out.

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns the sheet of samples, the measurements and, on digits, the judge."""
        shown = make_evaluators(
            self.generator,
            self.update.latent,
            self.source,
            self.transform,
            every=self.eval_every,
            batch_size=self.eval_batch_size,
            sheet_classes=self.sheet_classes,
            sheet_columns=self.sheet_columns,
        )
        measured = self.measurements.evaluators(
            self.update, self.source, self.transform, batch_size=self.eval_batch_size
        )
        return {**shown, **measured}

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the moving average of the generator."""
        return {"g": state.ema["g"]}

    def model_card(self) -> Mapping[str, Any]:
        """Returns the generator's hyper-parameters and the class names."""
        return {
            "paper": "biggan",
            "generator": module_fields(self.generator),
            "latent": self.update.latent,
            "class_names": list(self.source.class_names),
            "data": repr(self.source),
        }

    def references(self) -> References:
        """Returns what was published for this setting."""
        digits = self.source.spec == "digits"
        return references(
            resolution=self.generator.resolution,
            # Table 1 has statistics over the whole batch: no row of it is a run with groups.
            batch_size=self.batch_size if self.generator.bn_groups == 1 else 0,
            ch=self.generator.ch,
            shared_embedding=self.generator.shared_dim > 0,
            hierarchical=getattr(self.generator, "hierarchical", False),
            orthogonal=self.update.g_optim.orthogonal > 0,
            headline=self.measurements.headline or "digits/class_agreement" * digits,
        )


def from_settings(settings: Settings) -> BigGAN:
    """Returns the Task of a config; opens its data set, so that a missing one is said at once.

    Raises InputError for values that are not allowed or do not fit together.
    """
    data, model, optim, train = settings.data, settings.model, settings.optim, settings.train
    source = open_source(data.source, split=data.split, channels=data.channels)
    batch_size = train.at_least("batch_size", 1)
    microbatches = train.at_least("microbatches", 1)
    if batch_size % microbatches:
        raise InputError(
            f"train.microbatches={microbatches} does not divide train.batch_size={batch_size}"
        )
    groups = num_groups_from_settings(model, batch_size // microbatches)
    generator, discriminator = networks_from_settings(
        model, num_classes=source.num_classes, channels=data.channels, num_groups=groups
    )
    crop, flip = data.one_of("crop", ("center", "random")), data.flip
    square = {"channels": data.channels, "flip": flip}
    min_crop = data.at_least("min_crop", 0)
    if not 0 < min_crop <= 1:
        raise InputError(f"data.min_crop is {min_crop}; it must lie in (0, 1]")
    transform = (
        square_transform(model.resolution, **square)
        if crop == "center"
        else crop_transform(model.resolution, min_fraction=min_crop, **square)
    )
    scale = {"paper": 1.0, "author": 0.5}[optim.one_of("orthogonal_scale", ("paper", "author"))]
    update = AdversarialUpdate(
        generator=generator,
        discriminator=discriminator,
        g_optim=OptimizerSpec.from_settings(
            optim,
            optim.g,
            name="adam",
            orthogonal=scale * optim.at_least("orthogonal", 0),
            orthogonal_exclude=NOT_ORTHOGONAL,
        ),
        d_optim=OptimizerSpec.from_settings(optim, optim.d, name="adam", orthogonal=0.0),
        latent=model.one_of("latent", tuple(DISTRIBUTIONS)),
        ema_decay=settings.ema.below_one("decay"),
        ema_start=settings.ema.at_least("start", 0),
        r1=optim.d.at_least("r1", 0),
        sigma_clamp=optim.g.at_least("sigma_clamp", 0),
        sigma_clamp_ratio=optim.g.at_least("sigma_clamp_ratio", 0),
    )
    if update.sigma_clamp and update.sigma_clamp_ratio:
        raise InputError(
            f"optim.g.sigma_clamp={update.sigma_clamp} and optim.g.sigma_clamp_ratio="
            f"{update.sigma_clamp_ratio}: set one of them and leave the other at 0"
        )
    return BigGAN(
        update=update,
        state_monitor=monitor_from_settings(settings.guard),
        batch_size=batch_size,
        num_d_steps=train.at_least("num_d_steps", 1),
        microbatches=microbatches,
        source=source,
        transform=transform,
        data_seed=settings.at_least("seed", 0),
        num_workers=data.at_least("num_workers", 0, maximum=MOST_WORKERS),
        eval_every=Every(settings.eval.at_least("every", 0)),
        eval_batch_size=settings.eval.at_least("batch_size", 1),
        sheet_classes=settings.eval.at_least("sheet_classes", 1),
        sheet_columns=settings.eval.at_least("sheet_columns", 1),
        measurements=Measurements.from_settings(settings),
        rules=rules_from_settings(settings.mesh),
    )


def to_signed(image: jax.Array) -> jax.Array:
    """Returns uint8 pixels as float32 in [-1, 1]: x / 127.5 - 1."""
    return image.astype(jnp.float32) / 127.5 - 1
