"""The distributions of latent vectors that the paper compares (appendix E)."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError

Draw = Callable[[jax.Array, tuple[int, ...]], jax.Array]


def _normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.normal(key, shape)


def _uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)


def _bernoulli(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.bernoulli(key, 0.5, shape).astype(jnp.float32)


def _censored_normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jnp.maximum(jax.random.normal(key, shape), 0.0)


def _categorical(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.randint(key, shape, -1, 2).astype(jnp.float32)


def _normal_times_bernoulli(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    first, second = jax.random.split(key)
    return _normal(first, shape) * _bernoulli(second, shape)


def _normal_and_bernoulli(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    first, second = jax.random.split(key)
    # In turn, not one half after the other: every chunk of a hierarchical z has both.
    is_normal = jnp.arange(shape[-1]) % 2 == 0
    return jnp.where(is_normal, _normal(first, shape), _bernoulli(second, shape))


DISTRIBUTIONS: dict[str, Draw] = {
    # N(0, 1), the paper's choice.
    "normal": _normal,
    # Uniform on [-1, 1].
    "uniform": _uniform,
    # 0 or 1, each with probability 1/2.
    "bernoulli": _bernoulli,
    # max(N(0, 1), 0).
    "censored_normal": _censored_normal,
    # -1, 0 or 1, each with probability 1/3.
    "categorical": _categorical,
    # N(0, 1) times Bernoulli.
    "normal_times_bernoulli": _normal_times_bernoulli,
    # Coordinates 0, 2, 4, ... are N(0, 1), the others Bernoulli.
    "normal_and_bernoulli": _normal_and_bernoulli,
}


def draw_latents(name: str, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Returns independent latent vectors, float32 [*shape]; the last axis is the vector's.

    name: a key of DISTRIBUTIONS; InputError for another.
    """
    if name not in DISTRIBUTIONS:
        raise InputError(f"no latent distribution {name!r}; allowed: {', '.join(DISTRIBUTIONS)}")
    return DISTRIBUTIONS[name](key, shape)


def indexed_latents(name: str, key: jax.Array, index: jax.Array, size: int) -> jax.Array:
    """Returns latent vectors [B, size], row i a function of (name, key, index[i]) alone.

    index: int32 [B]. So sample number 17 is the same image whatever the batch size, the device
    count or the samples drawn beside it.
    """
    return jax.vmap(lambda i: draw_latents(name, jax.random.fold_in(key, i), (size,)))(index)
