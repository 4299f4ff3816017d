"""Normalisation of a batch by its own moments, followed by a gain, a bias and a ReLU."""

import functools

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


def normalize_batch(
    x: jax.Array, gain: jax.Array, bias: jax.Array, num_groups: int, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns (y, mean, variance): x normalised by its own `batch_moments`, scaled, rectified.

    Shapes as in `normalize_scale_rectify`; the moments are constants for the gradient of what is
    made of them outside.
    """
    mean, variance = batch_moments(x, num_groups)
    y = normalize_scale_rectify(x, mean, variance, gain, bias, epsilon=epsilon)
    return y, lax.stop_gradient(mean), lax.stop_gradient(variance)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def normalize_batch_in_two_sums(
    x: jax.Array, gain: jax.Array, bias: jax.Array, num_groups: int, epsilon: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns `normalize_batch`, whose gradient reads the map twice: for two sums, and once more.

    With g the gradient of what enters the ReLU, everything follows from the sums of g and of
    g (x - mean) over the pixels of each example and channel.
    """
    return normalize_batch(x, gain, bias, num_groups, epsilon)


def _two_sums_forward(x, gain, bias, num_groups, epsilon):
    y, mean, variance = normalize_batch(x, gain, bias, num_groups, epsilon)
    return (y, mean, variance), (x, y, gain, bias, mean, lax.rsqrt(variance + epsilon))


def _two_sums_backward(num_groups, epsilon, residuals, cotangents):
    del epsilon
    x, y, gain, bias, mean, scale = residuals
    batch, height, width, channels = x.shape
    rows = batch // num_groups

    def to_examples(per_group: jax.Array) -> jax.Array:
        return jnp.repeat(per_group, rows, axis=0)[:, None, None]

    def group_mean(per_example: jax.Array) -> jax.Array:
        total = jnp.sum(per_example.reshape(num_groups, rows, channels), axis=1)
        return total / (rows * height * width)

    g = jnp.where(y > 0, cotangents[0], 0).astype(jnp.float32)
    centered = x.astype(jnp.float32) - to_examples(mean)
    sum_g = jnp.sum(g, axis=(1, 2))
    sum_gx = jnp.sum(g * centered, axis=(1, 2)) * to_examples(scale)[:, 0, 0]
    offset = scale * group_mean(gain * sum_g)
    slope = jnp.square(scale) * group_mean(gain * sum_gx)
    factor = to_examples(scale) * gain[:, None, None]
    to_x = g * factor - to_examples(offset) - centered * to_examples(slope)
    gradients = to_x, sum_gx, sum_g
    if gain.shape[0] == 1:
        gradients = to_x, *(jnp.sum(s, axis=0, keepdims=True) for s in (sum_gx, sum_g))
    return tuple(t.astype(o.dtype) for t, o in zip(gradients, (x, gain, bias), strict=True))


normalize_batch_in_two_sums.defvjp(_two_sums_forward, _two_sums_backward)
