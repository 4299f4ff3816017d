import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.norms.spectral_norm import (
    SpectralConv,
    SpectralDense,
    SpectralEmbedding,
    normalized_together,
    power_iteration,
)
from tests import runs
from tests.equations import num_equations

EPSILON = 1e-6


def matrix_and_u(shape=(12, 5)):
    matrix, u = (
        jax.random.normal(k, s)
        for k, s in zip(jax.random.split(jax.random.key(0)), (shape, shape[1:]), strict=True)
    )
    return matrix, u


def test_one_step_by_hand():
    matrix, u = (np.asarray(x, np.float64) for x in matrix_and_u())
    v = matrix @ u / np.linalg.norm(matrix @ u)
    next_u = matrix.T @ v / np.linalg.norm(matrix.T @ v)
    sigma, actual_u = power_iteration(*matrix_and_u(), EPSILON)
    assert float(sigma) == pytest.approx(v @ matrix @ next_u, rel=1e-5)
    np.testing.assert_allclose(actual_u, next_u, atol=1e-6)


def test_many_steps_find_the_singular_value():
    matrix, u = matrix_and_u()
    for _ in range(60):
        sigma, u = power_iteration(matrix, u, EPSILON)
    assert float(sigma) == pytest.approx(np.linalg.svd(matrix, compute_uv=False)[0], rel=1e-5)


def test_gradient_of_sigma_is_the_outer_product():
    matrix, u = matrix_and_u()
    gradient = jax.grad(lambda m: power_iteration(m, u, EPSILON)[0])(matrix)
    _, next_u = power_iteration(matrix, u, EPSILON)
    v = matrix @ u
    np.testing.assert_allclose(gradient, jnp.outer(v / jnp.linalg.norm(v), next_u), atol=1e-5)


def test_epsilon_bounds_the_norm_from_below():
    # max(|x|, epsilon), neither |x| + epsilon nor the root of |x|^2 + epsilon.
    matrix, u = 1e-3 * jnp.eye(2), jnp.asarray([1.0, 0.0])
    sigma, next_u = power_iteration(matrix, u, 1e-2)
    # v = 1e-3 / 1e-2, then u = 1e-3 * 0.1 / 1e-2 and sigma = v * 1e-3 * u.
    np.testing.assert_allclose(next_u, [0.01, 0.0], rtol=1e-5)
    assert float(sigma) == pytest.approx(0.1 * 1e-3 * 0.01, rel=1e-5)


CASES = {
    "dense": (SpectralDense(6, epsilon=EPSILON), nn.Dense(6), (4, 5)),
    "conv": (SpectralConv(6, epsilon=EPSILON), nn.Conv(6, (3, 3)), (2, 5, 7, 4)),
}


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_flax(case):
    """Three training calls, the gradient, and a call in evaluation."""
    ours, layer, shape = CASES[case]
    x = jax.random.normal(jax.random.key(1), shape)
    variables = runs.initialised(ours, jax.random.key(0), x, train=False)
    reference = nn.SpectralNorm(layer, epsilon=EPSILON, collection_name="spectral")
    params = {"layer_instance": variables["params"]}
    u_name, sigma_name = "layer_instance/kernel/u", "layer_instance/kernel/sigma"
    flax_stats = {u_name: variables["spectral"]["u"][None], sigma_name: jnp.ones(())}

    def our_loss(params, spectral):
        y, new = ours.apply(
            {"params": params, "spectral": spectral}, x, train=True, mutable=["spectral"]
        )
        return jnp.sum(jnp.sin(y)), (y, new["spectral"])

    def flax_loss(params, spectral):
        y, new = reference.apply(
            {"params": params, "spectral": spectral}, x, update_stats=True, mutable=["spectral"]
        )
        return jnp.sum(jnp.sin(y)), (y, new["spectral"])

    spectral = variables["spectral"]
    for _ in range(3):
        (_, (y, spectral)), grads = jax.value_and_grad(our_loss, has_aux=True)(
            variables["params"], spectral
        )
        (_, (flax_y, flax_stats)), flax_grads = jax.value_and_grad(flax_loss, has_aux=True)(
            params, flax_stats
        )
        np.testing.assert_allclose(y, flax_y, atol=1e-5)
        chex.assert_trees_all_close(grads, flax_grads["layer_instance"], atol=1e-4)
    np.testing.assert_allclose(spectral["sigma"], flax_stats[sigma_name], rtol=1e-5)
    np.testing.assert_allclose(spectral["u"], flax_stats[u_name][0], atol=1e-5)
    evaluated = ours.apply({"params": variables["params"], "spectral": spectral}, x, train=False)
    flax_evaluated = reference.apply(
        {"params": params, "spectral": flax_stats}, x, update_stats=False
    )
    np.testing.assert_allclose(evaluated, flax_evaluated, atol=1e-5)


def test_evaluation_iterates_and_stores_nothing():
    x = jnp.ones((2, 5))
    module = SpectralDense(3, use_bias=False)
    variables = runs.initialised(module, jax.random.key(0), x, train=False)
    y, new = module.apply(variables, x, train=False, mutable=["spectral"])
    chex.assert_trees_all_equal(new["spectral"], variables["spectral"])
    kernel, spectral = variables["params"]["kernel"], variables["spectral"]
    sigma, _ = power_iteration(kernel, spectral["u"], module.epsilon)
    np.testing.assert_allclose(y, x @ kernel / sigma, rtol=1e-5)
    assert float(spectral["sigma"]) == 1.0


def test_embedding_is_normalised_as_a_table():
    labels = jnp.asarray([4, 0, 4])
    module = SpectralEmbedding(5, 3)
    variables = runs.initialised(module, jax.random.key(0), labels, train=False)
    table = jax.random.normal(jax.random.key(1), (5, 3))
    variables = {"params": {"embedding": table}, "spectral": variables["spectral"]}
    assert variables["spectral"]["u"].shape == (5,)
    for _ in range(60):
        rows, new = module.apply(variables, labels, train=True, mutable=["spectral"])
        variables = variables | new
    sigma = np.linalg.svd(table, compute_uv=False)[0]
    np.testing.assert_allclose(rows, table[labels] / sigma, rtol=1e-4)
    assert float(variables["spectral"]["sigma"]) == pytest.approx(sigma, rel=1e-4)


def test_low_precision_keeps_float32_state():
    x = jnp.ones((2, 4, 4, 3), jnp.bfloat16)
    module = SpectralConv(4, dtype=jnp.bfloat16)
    variables = runs.initialised(module, jax.random.key(0), x, train=False)
    y, new = module.apply(variables, x, train=True, mutable=["spectral"])
    assert y.dtype == jnp.bfloat16
    chex.assert_trees_all_equal_dtypes(new["spectral"], variables["spectral"])
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}


def test_without_normalization_the_kernel_is_used_as_it_is():
    x = jax.random.normal(jax.random.key(0), (2, 5, 5, 4))
    for layer, inputs in (
        (SpectralConv(3, 1, normalize=False), x),
        (SpectralDense(3, normalize=False), x[:, 0, 0]),
    ):
        variables = runs.initialised(layer, jax.random.key(1), inputs, train=True)
        assert set(variables) == {"params"}
        kernel = variables["params"]["kernel"].reshape(4, 3)
        expected = np.asarray(inputs, np.float64) @ np.asarray(3 * kernel, np.float64)
        tripled = jax.tree.map(lambda leaf: 3 * leaf, variables)
        np.testing.assert_allclose(
            layer.apply(tripled, inputs, train=False), expected, rtol=1e-5, atol=1e-6
        )


class SmallNetwork(nn.Module):
    """Three convolutions and two linear layers of one shape each, one that is alone, a table."""

    @nn.compact
    def __call__(self, x, labels, *, train):
        for number in range(3):
            x = SpectralConv(4, epsilon=0.1, name=f"conv_{number}")(x, train=train)
        y = x.mean((1, 2))
        for number in range(2):
            y = SpectralDense(4, epsilon=0.1, name=f"linear_{number}")(y, train=train)
        y = y + SpectralEmbedding(5, 4, epsilon=0.1, name="table")(labels, train=train)
        return SpectralDense(2, epsilon=0.1, name="alone")(y, train=train)


def test_kernels_normalised_together_are_those_of_the_layers():
    """Output, gradients and the next vectors, in training."""
    x, labels = jax.random.normal(jax.random.key(0), (2, 3, 3, 4)), jnp.asarray([1, 3])
    network = SmallNetwork()
    variables = runs.initialised(network, jax.random.key(1), x, labels, train=False)
    params, spectral = variables["params"], variables["spectral"]

    def loss(params, together):
        given = normalized_together(params, spectral, 0.1) if together else {}
        variables = {"params": params, "spectral": spectral, **given}
        y, new = network.apply(variables, x, labels, train=True, mutable=["spectral"])
        return jnp.sum(jnp.sin(y)), (y, new["spectral"])

    gradient = jax.grad(loss, has_aux=True)
    alone, together = (gradient(params, together) for together in (False, True))
    chex.assert_trees_all_close(together, alone, rtol=1e-5, atol=1e-6)
    given = normalized_together(params, spectral, 0.1)["spectral_together"]
    assert set(given) == {f"conv_{n}" for n in range(3)} | {f"linear_{n}" for n in range(2)}


def test_kernels_normalised_together_take_few_operations():
    def num_products(num_layers):
        params = {str(n): {"kernel": jnp.ones((3, 3, 4, 4))} for n in range(num_layers)}
        spectral = {str(n): {"u": jnp.ones(4), "sigma": jnp.ones(())} for n in range(num_layers)}
        jaxpr = jax.make_jaxpr(lambda p, s: normalized_together(p, s, 0.1))(params, spectral)
        return num_equations(jaxpr.jaxpr, "dot_general")

    assert num_products(20) == num_products(2) > 0
