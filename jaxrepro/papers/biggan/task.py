"""BigGAN's training: one update is num_d_steps discriminator updates and one of the generator."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core import step as step_lib
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.optim import OptimizerSpec, make_optimizer, parse_multipliers
from jaxrepro.core.partition import Rules, fsdp
from jaxrepro.core.random import named_key, streams
from jaxrepro.core.state import Collections, Net, Params, TrainState, Variables
from jaxrepro.core.task import Batch, BatchSpec, Evaluator, Every, HostBatch, Scalars
from jaxrepro.data.pipeline import train_iterator
from jaxrepro.data.source import Source
from jaxrepro.data.sources import open_source
from jaxrepro.data.transforms import Transform, crop_transform, square_transform
from jaxrepro.papers.biggan.evaluators import make_evaluators
from jaxrepro.papers.biggan.losses import discriminator_loss, generator_loss
from jaxrepro.papers.biggan.model import Discriminator, Generator

# Paths of parameters that orthogonal regularisation leaves out: the shared class embedding.
_NOT_ORTHOGONAL = "^shared/"


@dataclasses.dataclass(frozen=True)
class BigGAN:
    """BigGAN as a `jaxrepro.core.task.Task`; see `settings.py` for what the values mean."""

    generator: Generator
    discriminator: Discriminator
    g_optim: OptimizerSpec
    d_optim: OptimizerSpec
    batch_size: int
    num_d_steps: int
    microbatches: int
    ema_decay: float
    ema_start: int
    source: Source
    transform: Transform
    data_seed: int
    num_workers: int
    eval_every: Every
    eval_batch_size: int
    sheet_classes: int
    sheet_columns: int

    @property
    def _microbatch(self) -> int:
        return self.batch_size // self.microbatches

    # --- Data.

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
        d = self.discriminator.init(named_key(key, "init/d"), image, labels, train=False)
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            key=key,
            nets={"g": _new_net(g, self.g_optim), "d": _new_net(d, self.d_optim)},
            ema={"g": jax.tree.map(jnp.copy, g)},
        )

    def partition(self) -> Rules:
        """Splits large leaves where the mesh has an "fsdp" axis."""
        return (("", fsdp()),)

    # --- The update.

    def train_step(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after num_d_steps updates of D and one of G, and the losses."""
        d_key, g_key = streams(state.key, state.step, "d", "g")
        shape = (self.microbatches, self._microbatch)
        return self.update(
            state,
            real={"image": to_signed(batch["image"]), "label": batch["label"]},
            d_fakes=self.draw(d_key, (self.num_d_steps, *shape)),
            g_fakes=self.draw(g_key, shape),
        )

    def draw(self, key: jax.Array, shape: tuple[int, ...]) -> dict[str, jax.Array]:
        """Returns what fakes are made from: {"z": N(0, I) [*shape, dim_z], "label": [*shape]}.

        Labels are uniform over the classes and independent of the real batch's.
        """
        z_key, label_key = jax.random.split(key)
        return {
            "z": jax.random.normal(z_key, (*shape, self.generator.dim_z)),
            "label": jax.random.randint(label_key, shape, 0, self.generator.num_classes),
        }

    def update(
        self,
        state: TrainState,
        real: Mapping[str, jax.Array],
        d_fakes: Mapping[str, jax.Array],
        g_fakes: Mapping[str, jax.Array],
    ) -> tuple[TrainState, Scalars]:
        """Returns the state after one update with the given latents, and the losses.

        real: image [D, M, B, H, W, C] in [-1, 1], label [D, M, B]; d_fakes: z [D, M, B, dim_z],
        label; g_fakes: z [M, B, dim_z], label; D discriminator steps, M microbatches.
        """
        g, d = state.nets["g"], state.nets["d"]

        def d_step(carry: tuple[Collections, Net], data: Any) -> tuple[Any, Scalars]:
            g_stats, d = carry

            def loss(params: Params, stats: Any, micro: Any) -> tuple[jax.Array, Any]:
                return self._d_loss(params, g.params, stats, *micro)

            grads, (g_stats, d_stats), logs = step_lib.microbatched_grads(
                loss, d.params, (g_stats, d.stats), data
            )
            optimizer = make_optimizer(self.d_optim, d.params)
            return (g_stats, step_lib.apply_gradients(d, grads, d_stats, optimizer)), logs

        (g_stats, d), d_logs = step_lib.sequential(d_step, (g.stats, d), (real, d_fakes))

        def g_loss(params: Params, stats: Any, micro: Any) -> tuple[jax.Array, Any]:
            return self._g_loss(params, d.params, stats, micro)

        grads, (g_stats, d_stats), g_logs = step_lib.microbatched_grads(
            g_loss, g.params, (g_stats, d.stats), g_fakes
        )
        optimizer = make_optimizer(self.g_optim, g.params)
        g = step_lib.apply_gradients(g, grads, g_stats, optimizer)
        d = d.replace(stats=d_stats)
        ema = step_lib.ema_update(
            state.ema["g"], g.variables, state.step, decay=self.ema_decay, start=self.ema_start
        )
        logs = jax.tree.map(lambda x: x.mean(axis=0), d_logs) | g_logs
        return TrainState(state.step + 1, state.key, {"g": g, "d": d}, {"g": ema}), logs

    def _d_loss(
        self,
        d_params: Params,
        g_params: Params,
        stats: tuple[Collections, Collections],
        real: Mapping[str, jax.Array],
        fakes: Mapping[str, jax.Array],
    ) -> tuple[jax.Array, tuple[tuple[Collections, Collections], Scalars]]:
        """Returns (loss of D, (statistics of G and D, logs)) on one microbatch.

        The generator runs in training mode, so that its statistics advance here as well. Fake
        and real images pass through D together: its singular vectors advance once.
        """
        g_stats, d_stats = stats
        fake, g_stats = _apply(self.generator, g_params, g_stats, fakes["z"], fakes["label"])
        # Interleaved, not one after the other: each device keeps its own rows.
        images = _interleave(fake, real["image"])
        labels = _interleave(fakes["label"], real["label"])
        logits, d_stats = _apply(self.discriminator, d_params, d_stats, images, labels)
        fake_logits, real_logits = logits.reshape(-1, 2).T
        loss = discriminator_loss(real_logits, fake_logits)
        logs = {
            "loss/d": loss,
            "logits/real": real_logits.mean(),
            "logits/fake": fake_logits.mean(),
        }
        return loss, ((g_stats, d_stats), logs)

    def _g_loss(
        self,
        g_params: Params,
        d_params: Params,
        stats: tuple[Collections, Collections],
        fakes: Mapping[str, jax.Array],
    ) -> tuple[jax.Array, tuple[tuple[Collections, Collections], Scalars]]:
        """Returns (loss of G, (statistics of G and D, logs)) on one microbatch."""
        g_stats, d_stats = stats
        fake, g_stats = _apply(self.generator, g_params, g_stats, fakes["z"], fakes["label"])
        logits, d_stats = _apply(self.discriminator, d_params, d_stats, fake, fakes["label"])
        loss = generator_loss(logits)
        return loss, ((g_stats, d_stats), {"loss/g": loss})

    # --- What comes out.

    def evaluators(self) -> Mapping[str, Evaluator]:
        """Returns the sheet of samples and, on digits, the judge."""
        return make_evaluators(
            self.generator,
            self.source,
            self.transform,
            every=self.eval_every,
            batch_size=self.eval_batch_size,
            sheet_classes=self.sheet_classes,
            sheet_columns=self.sheet_columns,
        )

    def export(self, state: TrainState) -> Mapping[str, Variables]:
        """Returns the moving average of the generator."""
        return {"g": state.ema["g"]}

    def model_card(self) -> Mapping[str, Any]:
        """Returns the generator's hyper-parameters and the class names."""
        return {
            "paper": "biggan",
            "generator": module_fields(self.generator),
            "class_names": list(self.source.class_names),
            "data": repr(self.source),
        }


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
    groups = model.at_least("bn_groups", 1)
    if (batch_size // microbatches) % groups:
        raise InputError(
            f"model.bn_groups={groups} does not divide the microbatch of "
            f"{batch_size // microbatches} images"
        )
    shared = {
        "resolution": model.resolution,
        "ch": model.at_least("ch", 1),
        "num_classes": source.num_classes,
        "channels": data.channels,
        "sn_epsilon": model.sn_epsilon,
        "kernel_init": model.kernel_init,
        "dtype": getattr(jnp, model.one_of("dtype", ("float32", "bfloat16"))),
    }
    generator = Generator(
        **shared,
        dim_z=model.at_least("dim_z", 1),
        shared_dim=model.at_least("shared_dim", 0),
        hierarchical=model.hierarchical,
        attention=model.g_attention,
        bn_epsilon=model.bn_epsilon,
        bn_groups=groups,
    )
    discriminator = Discriminator(**shared, attention=model.d_attention)
    crop, flip = data.one_of("crop", ("center", "random")), data.flip
    square = {"channels": data.channels, "flip": flip}
    min_crop = data.min_crop
    transform = (
        square_transform(model.resolution, **square)
        if crop == "center"
        else crop_transform(model.resolution, min_fraction=min_crop, **square)
    )
    adam = {"name": "adam", "b1": optim.b1, "b2": optim.b2, "epsilon": optim.epsilon}
    scale = {"paper": 1.0, "author": 0.5}[optim.one_of("orthogonal_scale", ("paper", "author"))]
    return BigGAN(
        generator=generator,
        discriminator=discriminator,
        g_optim=OptimizerSpec(
            **adam,
            learning_rate=optim.g.at_least("learning_rate", 0),
            multipliers=parse_multipliers(optim.g.multipliers),
            orthogonal=scale * optim.at_least("orthogonal", 0),
            orthogonal_exclude=_NOT_ORTHOGONAL,
        ),
        d_optim=OptimizerSpec(
            **adam,
            learning_rate=optim.d.at_least("learning_rate", 0),
            multipliers=parse_multipliers(optim.d.multipliers),
        ),
        batch_size=batch_size,
        num_d_steps=train.at_least("num_d_steps", 1),
        microbatches=microbatches,
        ema_decay=settings.ema.at_least("decay", 0),
        ema_start=settings.ema.at_least("start", 0),
        source=source,
        transform=transform,
        data_seed=settings.at_least("seed", 0),
        num_workers=data.at_least("num_workers", 0),
        eval_every=Every(settings.eval.at_least("every", 0)),
        eval_batch_size=settings.eval.at_least("batch_size", 1),
        sheet_classes=settings.eval.at_least("sheet_classes", 1),
        sheet_columns=settings.eval.at_least("sheet_columns", 1),
    )


def to_signed(image: jax.Array) -> jax.Array:
    """Returns uint8 pixels as float32 in [-1, 1]: x / 127.5 - 1."""
    return image.astype(jnp.float32) / 127.5 - 1


def module_fields(module: Any) -> dict[str, Any]:
    """Returns a module's hyper-parameters as JSON; the dtype is not one: exports are float32."""
    skipped = ("parent", "name", "dtype")
    values = {f.name: getattr(module, f.name) for f in dataclasses.fields(module)}
    return {name: value for name, value in values.items() if name not in skipped}


def _new_net(variables: Mapping[str, Any], optim: OptimizerSpec) -> Net:
    stats = dict(variables)
    params = stats.pop("params")
    return Net(params, stats, make_optimizer(optim, params).init(params))


def _apply(module: Any, params: Params, stats: Collections, *args: Any) -> tuple[Any, Collections]:
    """Returns (output, new statistics) of a module in training mode."""
    return module.apply({"params": params, **stats}, *args, train=True, mutable=list(stats))


def _interleave(a: jax.Array, b: jax.Array) -> jax.Array:
    """Returns a[0], b[0], a[1], b[1], ... along axis 0."""
    return jnp.stack([a, b], axis=1).reshape(2 * a.shape[0], *a.shape[1:])
