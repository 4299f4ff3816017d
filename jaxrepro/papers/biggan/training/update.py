"""One update of the two networks, as pure functions of the state and the random numbers."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp

from jaxrepro.core.devices.partition import gathered
from jaxrepro.core.state import Collections, Net, Params, TrainState
from jaxrepro.core.task import Scalars
from jaxrepro.core.update import step as step_lib
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer
from jaxrepro.nn.norms.singular_values import clamp_weights
from jaxrepro.nn.norms.spectral_norm import normalized_together
from jaxrepro.papers.biggan.network.latents import draw_latents


def discriminator_loss(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Returns mean max(0, 1 - real) + mean max(0, 1 + fake), float32 [].

    real, fake: logits [B].
    """
    chex.assert_rank([real, fake], 1)
    return jnp.mean(jax.nn.relu(1 - real)) + jnp.mean(jax.nn.relu(1 + fake))


def generator_loss(fake: jax.Array) -> jax.Array:
    """Returns - mean fake, float32 []; fake: logits [B]."""
    chex.assert_rank(fake, 1)
    return -jnp.mean(fake)


def gradient_penalty(logit: Callable[[jax.Array], jax.Array], real: jax.Array) -> jax.Array:
    """Returns R1 without its factor gamma / 2: the mean of |d logit / d x|^2, float32 [].

    logit: images [B, H, W, C] -> logits [B], each a function of its own image; real: [B, H, W, C].
    (Mescheder et al., arXiv 1801.04406, equation 9; BigGAN, section 4.2.)
    """
    chex.assert_rank(real, 4)
    gradient = jax.grad(lambda images: jnp.sum(logit(images)))(real)
    return jnp.mean(jnp.sum(jnp.square(gradient), axis=(1, 2, 3)))


# Paths of parameters that orthogonal regularisation and clamping leave out: the class embedding.
NOT_ORTHOGONAL = "^shared/"


@dataclasses.dataclass(frozen=True)
class AdversarialUpdate:
    """What an update depends on besides the data; see `settings.py` for what the values mean."""

    generator: Any
    discriminator: Any
    g_optim: OptimizerSpec
    d_optim: OptimizerSpec
    latent: str
    ema_decay: float
    ema_start: int
    # Weight of the R1 penalty, gamma; 0 for none.
    r1: float = 0.0
    # Upper bounds of each weight's largest singular value in G: fixed, or this many times the
    # second one; 0 for none.
    sigma_clamp: float = 0.0
    sigma_clamp_ratio: float = 0.0

    def draw(self, key: jax.Array, shape: tuple[int, ...]) -> dict[str, jax.Array]:
        """Returns what fakes are made from: {"z": [*shape, dim_z], "label": [*shape]}.

        Labels are uniform over the classes and independent of the real batch's.
        """
        z_key, label_key = jax.random.split(key)
        return {
            "z": draw_latents(self.latent, z_key, (*shape, self.generator.dim_z)),
            "label": jax.random.randint(label_key, shape, 0, self.generator.num_classes),
        }

    def __call__(
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
                return self._d_loss(params, gathered(g.params), stats, *micro)

            grads, (g_stats, d_stats), logs = step_lib.microbatched_grads(
                loss, d.params, (g_stats, d.stats), data
            )
            optimizer = make_optimizer(self.d_optim, d.params)
            d = step_lib.apply_gradients(d, grads, d_stats, optimizer)
            return (g_stats, step_lib.gathered_net(d)), logs

        (g_stats, d), d_logs = step_lib.sequential(d_step, (g.stats, d), (real, d_fakes))

        def g_loss(params: Params, stats: Any, micro: Any) -> tuple[jax.Array, Any]:
            return self._g_loss(params, gathered(d.params), stats, micro)

        grads, (g_stats, d_stats), g_logs = step_lib.microbatched_grads(
            g_loss, g.params, (g_stats, d.stats), g_fakes
        )
        optimizer = make_optimizer(self.g_optim, g.params)
        g = step_lib.apply_gradients(g, grads, g_stats, optimizer)
        if self.sigma_clamp or self.sigma_clamp_ratio:
            params = clamp_weights(
                g.params, NOT_ORTHOGONAL, limit=self.sigma_clamp, ratio=self.sigma_clamp_ratio
            )
            g = Net(params, g.stats, g.opt_state)
        d = Net(d.params, d_stats, d.opt_state)
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
        and real images pass through D together: its singular vectors advance once, and the
        moments of a batch norm in D are over both.
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
            "accuracy/d_real": jnp.mean(real_logits > 0),
            "accuracy/d_fake": jnp.mean(fake_logits < 0),
        }
        if self.r1:
            # With the singular vectors before this pass, which are constants here: the penalty
            # moves no statistics.
            def logit(images: jax.Array) -> jax.Array:
                variables = {"params": d_params, **stats[1]}
                return self.discriminator.apply(variables, images, real["label"], train=False)

            logs["loss/r1"] = penalty = gradient_penalty(logit, real["image"])
            loss += 0.5 * self.r1 * penalty
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


def _apply(module: Any, params: Params, stats: Collections, *args: Any) -> tuple[Any, Collections]:
    """Returns (output, new statistics) of a module in training mode."""
    variables = {"params": params, **stats}
    if "spectral" in stats:
        variables |= normalized_together(params, stats["spectral"], module.sn_epsilon)
    return module.apply(variables, *args, train=True, mutable=list(stats))


def _interleave(a: jax.Array, b: jax.Array) -> jax.Array:
    """Returns a[0], b[0], a[1], b[1], ... along axis 0."""
    return jnp.stack([a, b], axis=1).reshape(2 * a.shape[0], *a.shape[1:])
