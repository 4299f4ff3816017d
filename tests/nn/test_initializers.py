import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.nn.initializers import kernel_initializer, orthogonal


@pytest.mark.parametrize("shape", [(3, 3, 8, 16), (3, 3, 2, 64), (40, 7), (7, 40), (12, 12)])
def test_orthogonal_rows_or_columns(shape):
    kernel = orthogonal(jax.random.key(0), shape)
    assert kernel.shape == shape
    assert kernel.dtype == jnp.float32
    matrix = np.asarray(kernel, np.float64).reshape(-1, shape[-1])
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-5)


def test_a_pure_function_of_the_key():
    eager = orthogonal(jax.random.key(3), (3, 3, 4, 8))
    jitted = jax.jit(orthogonal, static_argnums=1)(jax.random.key(3), (3, 3, 4, 8))
    np.testing.assert_array_equal(eager, jitted)
    other = orthogonal(jax.random.key(4), (3, 3, 4, 8))
    assert np.abs(eager - other).max() > 0.1
    # Old-style keys are arrays of words; both kinds name the same draw.
    np.testing.assert_array_equal(eager, orthogonal(jax.random.PRNGKey(3), (3, 3, 4, 8)))


def test_shapes_are_known_without_drawing():
    struct = jax.eval_shape(lambda key: orthogonal(key, (5, 3), jnp.bfloat16), jax.random.key(0))
    assert (struct.shape, struct.dtype) == ((5, 3), jnp.bfloat16)


def test_many_draws_in_one_program():
    """XLA calls the callback from its own threads; none may wait for another."""
    keys = jax.random.split(jax.random.key(0), 16)
    draws = jax.jit(lambda keys: [orthogonal(k, (64, 32)) for k in keys])(keys)
    for key, draw in zip(keys, draws, strict=True):
        np.testing.assert_array_equal(draw, orthogonal(key, (64, 32)))


def test_haar_has_no_preferred_sign():
    """QR as LAPACK returns it gives a first entry of one sign in every draw."""
    entries = [float(orthogonal(jax.random.key(i), (2, 2))[0, 0]) for i in range(40)]
    assert 8 < sum(entry > 0 for entry in entries) < 32


def test_names():
    normal = kernel_initializer("N02")(jax.random.key(0), (100, 100))
    assert float(normal.std()) == pytest.approx(0.02, rel=0.05)
    uniform = kernel_initializer("xavier")(jax.random.key(0), (3, 3, 10, 20))
    bound = np.sqrt(6 / (9 * 10 + 9 * 20))
    assert bound * 0.99 < float(jnp.abs(uniform).max()) <= bound
    assert kernel_initializer("ortho") is orthogonal
    with pytest.raises(InputError, match="kernel_init='zeros': choose one of ortho"):
        kernel_initializer("zeros")
