"""What does not depend on the inputs is computed once, and the rest is the same function."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import export, lax

from jaxrepro.core.exports.known_values import with_known_values

WEIGHTS = np.arange(12, dtype=np.float32).reshape(3, 4)


def primitives(function, *specs):
    return [equation.primitive.name for equation in jax.make_jaxpr(function)(*specs).eqns]


def drawn(x):
    """Draws numbers, normalises weights and then sees its input."""
    weights = WEIGHTS / jnp.linalg.norm(WEIGHTS)
    return x @ (weights + jax.random.uniform(jax.random.key(0), (3, 4)))


def test_only_what_sees_the_input_is_left():
    spec = jax.ShapeDtypeStruct((2, 3), np.float32)
    ready = with_known_values(drawn, [spec])
    assert primitives(ready, spec) == ["dot_general"]
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(ready(x), drawn(x), rtol=1e-6)


def test_what_depends_on_a_size_by_name_is_left():
    def function(x):
        return jnp.arange(x.shape[0], dtype=np.float32) + x + jnp.zeros(x.shape[0]) + 2.0

    spec = jax.ShapeDtypeStruct(export.symbolic_shape("n,"), np.float32)
    ready = with_known_values(function, [spec])
    exported = export.export(jax.jit(ready))(spec)
    for number in (1, 5):
        x = np.full(number, 3, np.float32)
        np.testing.assert_array_equal(exported.call(x), function(x))


def test_inputs_that_are_returned_and_values_that_are_known_may_be_the_result():
    spec = jax.ShapeDtypeStruct((2,), np.float32)
    x = np.ones(2, np.float32)
    assert with_known_values(lambda x: x, [spec])(x) is x
    known = with_known_values(lambda x: jnp.full(2, 3.0) * 2, [spec])
    np.testing.assert_array_equal(known(x), [6.0, 6.0])


def test_operations_are_replaced_also_within_functions_of_jax():
    @jax.jit
    def inner(x):
        return lax.sub(x, 1.0)

    spec = jax.ShapeDtypeStruct((2,), np.float32)
    ready = with_known_values(
        lambda x: inner(lax.mul(x, x)), [spec], {"sub": lambda params, x, y: lax.add(x, y)}
    )
    np.testing.assert_array_equal(ready(np.float32([2, 3])), [5, 10])
    assert primitives(ready, spec) == ["mul", "add"]
