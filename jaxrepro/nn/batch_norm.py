"""Batch normalisation followed by a gain, a bias and a ReLU, with torch's running statistics."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax


def batch_moments(x: jax.Array, num_groups: int = 1) -> tuple[jax.Array, jax.Array]:
    """Returns float32 (mean, biased variance) [G, C] of x [B, H, W, C], group by group.

    The batch is cut into `num_groups` runs of consecutive examples.
    """
    x = x.astype(jnp.float32).reshape(num_groups, -1, *x.shape[1:])
    mean = jnp.mean(x, axis=(1, 2, 3), keepdims=True)
    variance = jnp.mean(jnp.square(x - mean), axis=(1, 2, 3))
    return mean[:, 0, 0, 0], variance


def normalize_scale_rectify(
    x: jax.Array,
    mean: jax.Array,
    variance: jax.Array,
    gain: jax.Array,
    bias: jax.Array,
    *,
    epsilon: float,
) -> jax.Array:
    """Returns relu((x - mean) / sqrt(variance + epsilon) * gain + bias) in the dtype of x.

    x: [B, H, W, C]; mean, variance: [G, C], one row for each run of B / G examples;
    gain, bias: [B, C], or [1, C] where all examples share them.
    """
    rows = x.shape[0] // mean.shape[0]
    scale = jnp.repeat(lax.rsqrt(variance + epsilon), rows, axis=0) * gain
    shift = bias - jnp.repeat(mean, rows, axis=0) * scale
    y = x.astype(jnp.float32) * scale[:, None, None] + shift[:, None, None]
    return jax.nn.relu(y).astype(x.dtype)


class BatchNormRelu(nn.Module):
    """Batch normalisation, gain, bias and ReLU, keeping running moments in "batch_stats".

    Training normalises with the biased moments of the batch, over all its devices, and moves
    the running ones as torch does: running = (1 - momentum) * running + momentum * batch,
    where the batch variance is the unbiased one. With num_groups > 1 each run of B / num_groups
    examples is normalised by itself and the running moments follow the mean over the groups.
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
        batch_mean, batch_variance = batch_moments(x, self.num_groups)
        y = normalize_scale_rectify(x, batch_mean, batch_variance, gain, bias, epsilon=self.epsilon)
        count = x.size // channels // self.num_groups
        chex.assert_scalar_in(count, 2, float("inf"))
        for running, batch in (
            (mean, jnp.mean(batch_mean, 0)),
            (variance, jnp.mean(batch_variance, 0) * (count / (count - 1))),
        ):
            batch = lax.stop_gradient(batch)
            running.value = (1 - self.momentum) * running.value + self.momentum * batch
        return y
