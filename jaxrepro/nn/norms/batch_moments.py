"""Normalisation of a batch by its own moments, followed by a gain, a bias and a ReLU."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.core.analysis.collectives import BATCH_STATISTICS


def batch_moments(x: jax.Array, num_groups: int = 1) -> tuple[jax.Array, jax.Array]:
    """Returns float32 (mean, biased variance) [G, C] of x [B, H, W, C], group by group.

    The batch is cut into `num_groups` runs of consecutive examples.
    """
    x = x.astype(jnp.float32).reshape(num_groups, -1, *x.shape[1:])
    # By this name core/analysis/collectives.py knows what devices exchange.
    with jax.named_scope(BATCH_STATISTICS):
        mean = jnp.mean(x, axis=(1, 2, 3), keepdims=True)
        variance = jnp.mean(jnp.square(x - mean), axis=(1, 2, 3))
    return mean[:, 0, 0, 0], variance


def moments_of_parts(
    x: jax.Array, center: jax.Array, num_groups: int, num_parts: int
) -> tuple[jax.Array, jax.Array]:
    """Returns `batch_moments`, for which devices that hold a part of the batch each meet once.

    The mean first and the squares about it afterwards are two exchanges, the second waiting for
    the first. Here each part takes its own two moments by itself; what is exchanged are the means
    of m - c and of v + (m - c)^2 over the parts, together: their moments follow from
    v + (m - c)^2 - (mean of m - c)^2. (Chan, Golub & LeVeque, 1979, on pairwise moments.)

    center: c, [C], a guess of the mean that every device knows, such as the running one: the last
    difference loses as many digits as (mean - c)^2 / variance has. num_parts: over how many devices
    the examples lie, in order; a group that lies on one device alone needs no exchange.
    """
    if num_parts % num_groups or x.shape[0] % num_parts or num_parts == num_groups:
        return batch_moments(x, num_groups)
    means, variances = batch_moments(x, num_parts)
    shape = (num_groups, num_parts // num_groups, x.shape[-1])
    offsets = (means - center).reshape(shape)
    squares = variances.reshape(shape) + jnp.square(offsets)
    with jax.named_scope(BATCH_STATISTICS):
        offset, square = jnp.mean(offsets, axis=1), jnp.mean(squares, axis=1)
    return center + offset, jnp.maximum(square - jnp.square(offset), 0)


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


# A deep network normalises maps of few shapes many times: as a jitted function it is traced and
# differentiated once for each.
@functools.partial(jax.jit, static_argnums=(4, 5, 6))
def normalize_batch_in_two_sums(
    x: jax.Array,
    gain: jax.Array,
    bias: jax.Array,
    center: jax.Array,
    num_groups: int,
    num_parts: int,
    epsilon: float,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns `normalize_batch`, with one exchange between devices forward and one backward.

    center and num_parts are those of `moments_of_parts`; they change rounding alone. The gradient
    reads the map twice: for two sums, and once more. With g the gradient of what enters the ReLU,
    everything follows from the sums of g and of g (x - mean) over the pixels of each example and
    channel.
    """
    return _two_sums(x, gain, bias, center, num_groups, num_parts, epsilon)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def _two_sums(x, gain, bias, center, num_groups, num_parts, epsilon):
    return _two_sums_forward(x, gain, bias, center, num_groups, num_parts, epsilon)[0]


def _two_sums_forward(x, gain, bias, center, num_groups, num_parts, epsilon):
    mean, variance = moments_of_parts(x, center, num_groups, num_parts)
    y = normalize_scale_rectify(x, mean, variance, gain, bias, epsilon=epsilon)
    return (y, mean, variance), (x, y, gain, bias, mean, lax.rsqrt(variance + epsilon))


def _two_sums_backward(num_groups, num_parts, epsilon, residuals, cotangents):
    del num_parts, epsilon
    x, y, gain, bias, mean, scale = residuals
    batch, height, width, channels = x.shape
    rows = batch // num_groups

    def to_examples(per_group: jax.Array) -> jax.Array:
        return jnp.repeat(per_group, rows, axis=0)[:, None, None]

    def group_mean(per_example: jax.Array) -> jax.Array:
        with jax.named_scope(BATCH_STATISTICS):
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
    to_center = jnp.zeros(channels, jnp.float32)
    typed = tuple(t.astype(o.dtype) for t, o in zip(gradients, (x, gain, bias), strict=True))
    return (*typed, to_center)


_two_sums.defvjp(_two_sums_forward, _two_sums_backward)
