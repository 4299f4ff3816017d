"""Batch normalisation followed by a gain, a bias and a ReLU, with torch's running statistics."""

import functools
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.devices.mesh import num_example_parts
from jaxrepro.nn.norms.batch_moments import normalize_batch_in_two_sums, normalize_scale_rectify


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
        if self.is_mutable_collection("batch_moments"):
            for name, moments in (("mean", batch_mean), ("var", batch_variance)):
                batch = jnp.mean(moments, 0)
                self.sow("batch_moments", name, batch, init_fn=_nothing, reduce_fn=_last)
        unbiased = count / (count - 1)
        mean.value = _moved(mean.value, batch_mean, self.momentum, 1.0)
        variance.value = _moved(variance.value, batch_variance, self.momentum, unbiased)
        return y


@functools.partial(jax.jit, static_argnums=(2, 3))  # Traced once for each shape.
def _moved(running: jax.Array, moments: jax.Array, momentum: float, factor: float) -> jax.Array:
    """Returns the running moment [C] moved towards the mean over groups of moments [G, C]."""
    return (1 - momentum) * running + momentum * (jnp.mean(moments, 0) * factor)


def _nothing() -> Any:
    return ()


def _last(before: Any, new: jax.Array) -> Any:
    del before
    return new
