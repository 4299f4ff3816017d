"""SC-FEGAN's training as a Task: faces with sketches and colours in, a generator that edits out."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.config import MOST_WORKERS, Settings
from jaxrepro.core.data_identity import DataIdentity
from jaxrepro.core.devices.partition import Rules, rules_from_settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.random import named_key
from jaxrepro.core.state import TrainState, Variables
from jaxrepro.core.supervised import frozen_net, new_net
from jaxrepro.core.task import (
    Batch,
    BatchSpec,
    Evaluator,
    Every,
    HostBatch,
    References,
    Scalars,
)
from jaxrepro.core.update.optim import OptimizerSpec
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.data.strokes.free_form_mask import MaskMix
from jaxrepro.papers.scfegan import published
from jaxrepro.papers.scfegan.examples.drops import Drops
from jaxrepro.papers.scfegan.examples.held_out import HeldOut
from jaxrepro.papers.scfegan.examples.training_examples import (
    ExampleSettings,
    FixedExamples,
    example_transform,
)
from jaxrepro.papers.scfegan.faces.face_sets import SPLITS, Faces, open_faces
from jaxrepro.papers.scfegan.measures.evaluators import Baselines, HeldOutEdits
from jaxrepro.papers.scfegan.network.conditions import GENERATOR_CHANNELS, discriminator_channels
from jaxrepro.papers.scfegan.network.networks import networks_from_settings
from jaxrepro.papers.scfegan.settings import features_from_settings
from jaxrepro.papers.scfegan.trained import model_card
from jaxrepro.papers.scfegan.training.objective import Objective
from jaxrepro.papers.scfegan.training.update import (
    DISCRIMINATOR,
    FEATURES,
    GENERATOR,
    EditingUpdate,
)


@dataclasses.dataclass(frozen=True, eq=False)
class FaceEditing:
    """SC-FEGAN as a `jaxrepro.core.task.Task`; see `settings.py` for what the values mean."""

    update: EditingUpdate
    faces: Faces
    validation: Faces
    examples: ExampleSettings
    batch_size: int
    seed: int
    num_workers: int
    measured: Mapping[str, Evaluator]
    rules: Rules

    # --- Data.

    def identities(self) -> Mapping[str, DataIdentity]:
        """Returns the pictures, and the file of weights of the fixed features."""
        features = self.update.features
        return {
            "data.source": self.faces.identity(),
            "data.validation": self.validation.identity(),
            # Its name ends in a digest of its arrays.
            **({"features.weights": DataIdentity(features.name)} if features.trained else {}),
        }

    @property
    def batch_spec(self) -> Mapping[str, BatchSpec]:
        """Conditions, see `conditions`: uint8 [B, S, S, 3 or 1]."""
        channels = {"image": 3, "mask": 1, "sketch": 1, "color": 3, "strokes": 1, "noise": 1}
        side = self.faces.size
        return {
            name: BatchSpec((self.batch_size, side, side, num), np.uint8)
            for name, num in channels.items()
        }

    def train_data(self, start_step: int, process: int, num_processes: int) -> Iterator[HostBatch]:
        """Yields faces with a mask, a sketch, colours and noise, drawn anew at every visit."""
        return train_iterator(
            self.faces,
            example_transform(self.examples),
            seed=self.seed,
            batch_shape=(self.batch_size,),
            start_step=start_step,
            process=process,
            num_processes=num_processes,
            num_workers=self.num_workers,
        )

    # --- State.

    def init(self, key: jax.Array) -> TrainState:
        """Returns new networks and the fixed feature network."""
        update, side = self.update, self.faces.size
        x = jnp.zeros((1, side, side, GENERATOR_CHANNELS))
        g = update.generator.init(named_key(key, "init/g"), x)
        channels = discriminator_channels(
            with_user_input=update.with_user_input, noise=update.with_noise
        )
        x = jnp.zeros((1, side, side, channels))
        d = update.discriminator.init(named_key(key, "init/d"), x, train=False)
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            nets={
                GENERATOR: new_net(g, update.g_optim),
                DISCRIMINATOR: new_net(d, update.d_optim),
                FEATURES: frozen_net(update.features.variables),
            },
            ema={GENERATOR: jax.tree.map(jnp.copy, dict(g))},
        )

    def partition(self) -> Rules:
        """Returns the rules of the config's section `mesh`."""
        return self.rules

    # --- The update.

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update of D and then one of G, and every term."""
        return self.update(state, batch)

    # --- What comes out.

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns "held_out" and, at the end of a run, "baselines"."""
        return self.measured

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the moving average of the generator."""
        return {GENERATOR: state.ema[GENERATOR]}

    def model_card(self) -> Mapping[str, Any]:
        """Returns what rebuilds the generator, and what it was trained with."""
        return {
            **model_card(self.update.generator, self.faces.size),
            "features": self.update.features.name,
            "data": repr(self.faces),
        }

    def references(self) -> References:
        """Returns what the results mean; nothing published compares with them."""
        return published.references(self.update.features.name, repr(self.faces))


def from_settings(settings: Settings) -> FaceEditing:
    """Returns the Task of a config; opens its pictures, so that missing ones are said at once.

    Raises InputError for values that are not allowed or do not fit together.
    """
    data, model, optim, train = settings.data, settings.model, settings.optim, settings.train
    size = data.at_least("size", 1)
    generator, discriminator = networks_from_settings(model, resolution=size)
    features = features_from_settings(settings.features)
    specs = {
        f"{name}_optim": OptimizerSpec.from_settings(
            optim, section, name="adam", total_steps=train.total_steps
        )
        for name, section in (("g", optim.g), ("d", optim.d))
    }
    update = EditingUpdate(
        generator=generator,
        discriminator=discriminator,
        features=features,
        objective=Objective.from_settings(settings.loss),
        **specs,
        ema_decay=settings.ema.below_one("decay"),
        ema_start=settings.ema.at_least("start", 0),
        warmup_steps=train.at_least("warmup_steps", 0),
        with_user_input=model.one_of("discriminator_user_input", (False, True)),
        with_noise=model.one_of("discriminator_noise", (False, True)),
    )
    source = data.source
    faces = open_faces(source, split=data.one_of("split", SPLITS), size=size)
    examples = _example_settings(data, faces)
    measured, measured_split = data.validation or source, data.one_of("validation_split", SPLITS)
    validation = open_faces(measured, split=measured_split, size=size)
    described = f"{measured}, split {measured_split}, {size} x {size} pixels"
    return FaceEditing(
        update=update,
        faces=faces,
        validation=validation,
        examples=examples,
        batch_size=train.at_least("batch_size", 1),
        seed=settings.at_least("seed", 0),
        num_workers=data.at_least("num_workers", 0, maximum=MOST_WORKERS),
        measured=_evaluators(settings.eval, update, faces, validation, examples, described),
        rules=rules_from_settings(settings.mesh),
    )


def _example_settings(data: Settings, faces: Faces) -> ExampleSettings:
    """Returns how examples of the training pictures are drawn."""
    masks, drops = data.masks, data.drops
    return ExampleSettings(
        aligned=faces.aligned,
        num_sketches=faces.num_sketches,
        mix=MaskMix(**{name: float(getattr(masks, name)) for name in masks}),
        drops=Drops(**{name: float(getattr(drops, name)) for name in drops}),
        flip=data.one_of("flip", (False, True)),
        brightness=float(data.brightness),
        contrast=float(data.contrast),
    )


def _evaluators(
    section: Settings,
    update: EditingUpdate,
    faces: Faces,
    validation: Faces,
    examples: ExampleSettings,
    described: str,
) -> dict[str, Evaluator]:
    """Returns the measurements by name. described: `validation`, for readers."""
    if len(validation) < 2:
        raise InputError(f"{validation!r} has 1 picture; measure on two or more")
    fixed = dataclasses.replace(examples, aligned=validation.aligned).without_augmentation()
    limit = section.at_least("num_examples", 0) or len(validation)
    if limit < 2:
        raise InputError("eval.num_examples=1; measure two or more pictures, or 0 for all")
    held_out = HeldOut(FixedExamples(validation, fixed), limit, described)
    batch_size = section.at_least("batch_size", 1)
    found: dict[str, Evaluator] = {
        "held_out": HeldOutEdits(
            update,
            held_out,
            every=Every(section.at_least("every", 0)),
            batch_size=batch_size,
            sheet_rows=section.at_least("sheet_rows", 1),
        )
    }
    if section.one_of("baselines", (False, True)):
        found["baselines"] = Baselines(held_out, faces, batch_size)
    return found
