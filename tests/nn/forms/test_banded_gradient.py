"""nn/forms/banded_gradient.py: the same gradients as the definition's."""

import chex
import jax
import jax.numpy as jnp
import pytest

from jaxrepro.nn.forms import banded_gradient, convolution


@pytest.mark.parametrize(
    ("shape", "sides", "bands"),
    [
        ((2, 8, 6, 5), (3, 3), 4),
        ((1, 16, 4, 5), (5, 3), 8),
        ((3, 6, 5, 6), (3, 3), 2),
        ((2, 7, 5, 5), (3, 3), 1),
        ((8, 8, 4, 5), (3, 3), 1),
    ],
)
def test_equal_to_the_definition(shape, sides, bands):
    assert banded_gradient._number_of_bands(*shape[:2]) == bands
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], shape)
    kernel = jax.random.normal(keys[1], (*sides, shape[3], 7))
    cotangent = jax.random.normal(keys[2], (*shape[:3], 7))

    def gradients(convolve):
        y, pullback = jax.vjp(convolve, x, kernel)
        return y, *pullback(cotangent)

    chex.assert_trees_all_close(
        jax.jit(lambda: gradients(banded_gradient.convolve))(),
        gradients(convolution.convolve),
        rtol=1e-5,
        atol=1e-4,
    )


def test_second_derivatives():
    """Penalties on gradients differentiate the backward pass."""
    keys = jax.random.split(jax.random.key(1), 2)
    x = jax.random.normal(keys[0], (1, 8, 4, 5))
    kernel = jax.random.normal(keys[1], (3, 3, 5, 5))

    def penalty(convolve, kernel):
        return jnp.sum(jax.grad(lambda x: jnp.sum(jnp.tanh(convolve(x, kernel))))(x) ** 2)

    chex.assert_trees_all_close(
        jax.jit(lambda: jax.grad(lambda k: penalty(banded_gradient.convolve, k))(kernel))(),
        jax.grad(lambda k: penalty(convolution.convolve, k))(kernel),
        rtol=1e-4,
        atol=1e-4,
    )


def test_a_narrower_map_keeps_the_kernels_type():
    x = jnp.ones((2, 8, 4, 5), jnp.bfloat16)
    kernel = jnp.ones((3, 3, 5, 5), jnp.float32)
    gradient = jax.grad(lambda k: jnp.sum(banded_gradient.convolve(x, k).astype(jnp.float32)))(
        kernel
    )
    assert gradient.dtype == jnp.float32
