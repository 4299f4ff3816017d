"""Batch normalisation followed by a gain, a bias and a ReLU, with torch's running statistics."""

from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.mesh import num_example_parts
from jaxrepro.nn.batch_moments import normalize_batch_in_two_sums, normalize_scale_rectify


class BatchNormRelu(nn.Module):
    """Batch normalisation, gain, bias and ReLU, keeping running moments in "batch_stats".

    Training normalises with the biased moments of the batch, over all its devices, and moves
    the running ones as torch does: running = (1 - momentum) * running + momentum * batch,
    where the batch variance is the unbiased one. With num_groups > 1 each run of B / num_groups
    examples is normalised by itself and the running moments follow the mean over the groups.

    Where the caller makes the collection "batch_moments" mutable, it receives the batch's own
    mean and biased variance, over all groups, in the tree of "batch_stats".
    """

    epsilon: float = 1e-5
    momentum: float = 0.1
    num_groups: int = 1

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        gain: jax.Array | None = None,
        bias: jax.Array | None = None,
        *,
        train: bool,
    ) -> jax.Array:
        """Returns [B, H, W, C] >= 0 in the dtype of x [B, H, W, C].

        gain, bias: float32 [B, C]; without them, learned ones [C] shared by all examples.
        """
        chex.assert_rank(x, 4)
        channels = x.shape[-1]
        if gain is None:
            gain = self.param("gain", nn.initializers.ones, (channels,), jnp.float32)[None]
        if bias is None:
            bias = self.param("bias", nn.initializers.zeros, (channels,), jnp.float32)[None]
        chex.assert_shape([gain, bias], (None, channels))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,), jnp.float32)
        variance = self.variable("batch_stats", "var", jnp.ones, (channels,), jnp.float32)
        if not train or self.is_initializing():
            return normalize_scale_rectify(
                x, mean.value[None], variance.value[None], gain, bias, epsilon=self.epsilon
            )
        chex.assert_is_divisible(x.shape[0], self.num_groups)
        normalized: Any = normalize_batch_in_two_sums(
            x, gain, bias, mean.value, self.num_groups, num_example_parts(), self.epsilon
        )
        y, batch_mean, batch_variance = normalized
        count = x.size // channels // self.num_groups
        chex.assert_scalar_in(count, 2, float("inf"))
        for name, moments in (("mean", batch_mean), ("var", batch_variance)):
            self.sow("batch_moments", name, jnp.mean(moments, 0), init_fn=_nothing, reduce_fn=_last)
        for running, batch in (
            (mean, jnp.mean(batch_mean, 0)),
            (variance, jnp.mean(batch_variance, 0) * (count / (count - 1))),
        ):
            running.value = (1 - self.momentum) * running.value + self.momentum * batch
        return y


def _nothing() -> Any:
    return ()


def _last(before: Any, new: jax.Array) -> Any:
    del before
    return new
