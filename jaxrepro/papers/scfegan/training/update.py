"""One update of both networks, the discriminator's first, as a pure function of the state."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxrepro.core.random import streams
from jaxrepro.core.state import Collections, Net, Params, TrainState
from jaxrepro.core.supervised import frozen_variables
from jaxrepro.core.task import Batch, Scalars
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer
from jaxrepro.losses.pixel_error import hole_weighted_error
from jaxrepro.nn.vgg.vgg16_features import VggFeatures
from jaxrepro.papers.scfegan.network.coarse_to_fine import CoarseToFine
from jaxrepro.papers.scfegan.network.conditions import (
    Conditions,
    composite,
    discriminator_input,
    generator_input,
    scaled,
)
from jaxrepro.papers.scfegan.network.discriminator import Discriminator
from jaxrepro.papers.scfegan.network.generator import Generator
from jaxrepro.papers.scfegan.training.objective import (
    Objective,
    adversarial_terms,
    discriminator_terms,
    penalty_norms,
    reconstruction_terms,
    total,
)

# The networks of a state. The feature network is one of them, without parameters to train: its
# arrays are arguments of the compiled update and not constants in it, and a checkpoint has all that
# a continued run needs, even if the file of weights has moved.
GENERATOR, DISCRIMINATOR, FEATURES = "g", "d", "features"


def feature_variables(state: TrainState) -> Any:
    """Returns the feature network's variables out of a state, for `VggFeatures.maps`."""
    return frozen_variables(state.nets[FEATURES])


@dataclasses.dataclass(frozen=True, eq=False)
class EditingUpdate:
    """What an update depends on besides the data; see `settings.py` for what the values mean."""

    generator: Generator
    discriminator: Discriminator
    features: VggFeatures
    objective: Objective
    g_optim: OptimizerSpec
    d_optim: OptimizerSpec
    ema_decay: float
    ema_start: int
    # Updates before the discriminator's judgement counts for the generator.
    warmup_steps: int
    # What the discriminator sees besides picture and mask.
    with_user_input: bool = True
    with_noise: bool = False

    def __call__(self, state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        """Returns the state after one update of D and one of G on a batch of conditions, and logs.

        Both see the same generated pictures: G has not changed when its turn comes, so it runs
        forward once. batch: as `conditions` says, with noise, [B, ...].
        """
        (penalty_key,) = streams(state.key, state.step, "penalty")
        g, d = state.nets[GENERATOR], state.nets[DISCRIMINATOR]
        truth = scaled(batch["image"])

        def draw(params: Params) -> Any:
            """Returns (picture,) or, of two networks in a row, (coarse, picture)."""
            inputs = generator_input(batch)
            if isinstance(self.generator, CoarseToFine):
                return self.generator.apply({"params": params}, inputs, method="stages")
            return (self.generator.apply({"params": params}, inputs),)

        pictures, pull_back = jax.vjp(draw, g.params)
        composed = lax.stop_gradient(composite(pictures[-1], truth, batch["mask"]))

        d_grads, (d_stats, real_scores, d_logs) = jax.grad(self._d_loss, has_aux=True)(
            d.params, d.stats, truth, composed, batch, penalty_key
        )
        optimizer = make_optimizer(self.d_optim, d.params)
        d = step_lib.gathered_net(step_lib.apply_gradients(d, d_grads, d_stats, optimizer))

        share = (state.step >= self.warmup_steps).astype(jnp.float32)
        cotangents, g_logs = jax.grad(self._g_loss, has_aux=True)(
            pictures, truth, batch, d, feature_variables(state), real_scores, share
        )
        (g_grads,) = pull_back(cotangents)
        optimizer = make_optimizer(self.g_optim, g.params)
        g = step_lib.apply_gradients(g, g_grads, g.stats, optimizer)

        ema = step_lib.ema_update(
            state.ema[GENERATOR],
            g.variables,
            state.step,
            decay=self.ema_decay,
            start=self.ema_start,
        )
        logs = {
            **g_logs,
            **d_logs,
            "gradient_norm/g": optax.tree.norm(g_grads),
            "gradient_norm/d": optax.tree.norm(d_grads),
            "mask_coverage": batch["mask"].astype(jnp.float32).mean(),
        }
        nets = {**state.nets, GENERATOR: g, DISCRIMINATOR: d}
        return TrainState(state.step + 1, state.key, nets, {GENERATOR: ema}), logs

    def discriminator_input(self, image: jax.Array, conditions: Conditions) -> jax.Array:
        """Returns what the discriminator sees of pictures [B, H, W, 3] in [-1, 1]."""
        return discriminator_input(
            image, conditions, with_user_input=self.with_user_input, noise=self.with_noise
        )

    def _d_loss(
        self,
        params: Params,
        stats: Collections,
        truth: jax.Array,
        composed: jax.Array,
        batch: Batch,
        key: jax.Array,
    ) -> tuple[jax.Array, tuple[Collections, jax.Array, Scalars]]:
        """Returns (loss of D, (its spectral vectors, scores of the true pictures, logs)).

        True and composed pictures pass through together, interleaved so that each device keeps its
        rows: the spectral vectors advance once an update, here.
        """
        both = jnp.stack([truth, composed], axis=1).reshape(2 * len(truth), *truth.shape[1:])
        twice = {name: jnp.repeat(x, 2, axis=0) for name, x in batch.items()}
        scores, stats_after = self.discriminator.apply(
            {"params": params, **stats},
            self.discriminator_input(both, twice),
            train=True,
            mutable=list(stats),
        )
        real, fake = scores[::2], scores[1::2]
        norms = None
        if self.objective.gradient_penalty:
            norms = penalty_norms(
                lambda images: self._scores(params, stats, images, batch),
                *(truth, composed, batch["mask"], key),
            )
        terms = discriminator_terms(self.objective, real, fake, norms, batch["mask"])
        loss = total(terms)
        logs = {"loss/d": loss, **{f"loss/d/{name}": x for name, x in terms.items()}}
        logs |= {"scores/real": real.mean(), "scores/fake": fake.mean()}
        if norms is not None:
            logs["gradient_norm/d_in_hole"] = norms.mean()
        return loss, (stats_after, lax.stop_gradient(real), logs)

    def _g_loss(
        self,
        pictures: tuple[jax.Array, ...],
        truth: jax.Array,
        batch: Batch,
        d: Net,
        features: Any,
        real_scores: jax.Array,
        share: jax.Array,
    ) -> tuple[jax.Array, Scalars]:
        """Returns (loss of G, logs) as a function of its pictures: the last, or (coarse, last).

        share: of the adversarial terms, 0 while warming up and 1 after.
        """
        *coarse, raw = pictures
        hole = batch["mask"]
        composed = composite(raw, truth, hole)
        terms = reconstruction_terms(
            self.objective,
            raw,
            composed,
            truth,
            hole,
            lambda images: self.features.maps(features, images),
        )
        for picture in coarse:
            error = hole_weighted_error(picture, truth, hole, self.objective.hole_weight)
            terms["pixel_coarse"] = error.mean()
        fake_scores = self._scores(d.params, d.stats, composed, batch)
        judged = adversarial_terms(self.objective, fake_scores, real_scores)
        terms |= {name: share * x for name, x in judged.items()}
        loss = total(terms)
        return loss, {"loss/g": loss, **{f"loss/g/{name}": x for name, x in terms.items()}}

    def _scores(
        self, params: Params, stats: Collections, images: jax.Array, batch: Mapping[str, jax.Array]
    ) -> jax.Array:
        """Returns the scores of pictures; the spectral vectors stay as they are."""
        scores = self.discriminator.apply(
            {"params": params, **stats}, self.discriminator_input(images, batch), train=False
        )
        assert isinstance(scores, jax.Array)
        return scores
