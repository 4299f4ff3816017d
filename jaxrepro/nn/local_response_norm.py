"""Local response normalisation over neighbouring channels, as `tf.nn.lrn` defines it."""

import chex
import jax
import jax.numpy as jnp
from jax import lax


def local_response_norm(x: jax.Array, *, radius: int = 5, bias: float = 5e-5) -> jax.Array:
    """Returns float32 [B, H, W, C]: x over the root of `bias` plus its neighbours' squares.

    Channel c is divided by sqrt(bias + sum of x_k^2 over |k - c| <= radius): `tf.nn.lrn` with
    alpha 1 and beta 1/2. The sum is not divided by the number of channels, and there are fewer of
    them at both ends. Computed in float32 whatever the dtype of x: a bias of 5e-5 and a sum of
    squares do not go together in 8 bits of mantissa.
    """
    chex.assert_rank(x, 4)
    x = x.astype(jnp.float32)
    num = x.shape[-1]
    squares = jnp.pad(jnp.square(x), [(0, 0)] * 3 + [(radius, radius)])
    # XLA makes one loop of these sums; its windowed reduction over the last axis is slow on CPU.
    total = sum(squares[..., i : i + num] for i in range(2 * radius + 1))
    return x * lax.rsqrt(bias + total)
