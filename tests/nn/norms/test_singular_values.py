import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.norms import singular_values
from jaxrepro.nn.norms.singular_values import clamp_weights, spectra

# Op by op every operation would be compiled alone.
top_singular_triplets = jax.jit(singular_values.top_singular_triplets, static_argnums=1)
clamp_singular_value = jax.jit(
    singular_values.clamp_singular_value, static_argnames=("limit", "ratio")
)


def matrix(shape, values, seed=0):
    """Returns a matrix with the given singular values."""
    rng = np.random.default_rng(seed)
    left = np.linalg.qr(rng.normal(size=(shape[0], len(values))))[0]
    right = np.linalg.qr(rng.normal(size=(shape[1], len(values))))[0]
    return jnp.asarray((left * values) @ right.T, jnp.float32)


@pytest.mark.parametrize("shape", [(70, 40), (40, 70), (7, 5), (3, 90), (90, 1), (1, 1)])
def test_values_are_those_of_the_full_decomposition(shape):
    a = jax.random.normal(jax.random.key(1), shape)
    left, values, right = top_singular_triplets(a, 3)
    desired = np.linalg.svd(np.asarray(a, np.float64), compute_uv=False)[:3]
    assert values.shape == (min(3, *shape),)
    # A random matrix has its largest values close together: the hardest case.
    np.testing.assert_allclose(values, desired, rtol=2e-3)
    assert (np.asarray(values) <= desired * (1 + 1e-5)).all()
    np.testing.assert_allclose(left @ left.T, np.eye(len(values)), atol=1e-5)
    np.testing.assert_allclose(right @ right.T, np.eye(len(values)), atol=1e-5)
    np.testing.assert_allclose(left @ a @ right.T, np.diag(values), atol=2e-2)


def test_rank_deficient_and_repeated_values():
    """The author's code gives NaN for the second value of a layer with one output."""
    values = top_singular_triplets(matrix((30, 20), [2.0]), 3).values
    np.testing.assert_allclose(values, [2, 0, 0], atol=1e-5)
    np.testing.assert_allclose(top_singular_triplets(jnp.zeros((9, 9)), 3).values, 0)
    orthogonal = matrix((64, 32), [1.0] * 32)
    np.testing.assert_allclose(top_singular_triplets(orthogonal, 3).values, 1, rtol=1e-5)


def test_spectra_cap_name_and_flatten_each_weight():
    kernel = jax.random.normal(jax.random.key(0), (3, 3, 4, 8))
    weights = {
        "b/conv_10/kernel": kernel,
        "b/conv_2/kernel": kernel + 1,
        "linear/kernel": jnp.ones((5, 1)),
        "table/embedding": jnp.diag(jnp.asarray([3.0, 1.0])),
    }
    values = jax.jit(spectra)(weights)
    assert set(values) == {
        *(f"b/conv_{i}/kernel/{k}" for i in (2, 10) for k in range(3)),
        "linear/kernel/0",
        "table/embedding/0",
        "table/embedding/1",
    }
    desired = np.linalg.svd(np.asarray(kernel).reshape(36, 8), compute_uv=False)
    np.testing.assert_allclose(
        [values[f"b/conv_10/kernel/{k}"] for k in range(3)], desired[:3], rtol=1e-4
    )
    np.testing.assert_allclose(values["linear/kernel/0"], np.sqrt(5), rtol=1e-6)
    np.testing.assert_allclose(values["table/embedding/1"], 1, rtol=1e-6)
    assert list(spectra({"b_10": kernel, "b_2": kernel}, 1)) == ["b_2/0", "b_10/0"]


def test_clamping_changes_the_largest_value_alone():
    a = matrix((20, 12), [4.0, 2.0, 1.0])
    singular = lambda m: np.linalg.svd(m, compute_uv=False)[:3]  # noqa: E731
    np.testing.assert_allclose(singular(clamp_singular_value(a, limit=3.0)), [3, 2, 1], rtol=1e-4)
    np.testing.assert_allclose(singular(clamp_singular_value(a, ratio=1.2)), [2.4, 2, 1], rtol=1e-4)
    np.testing.assert_allclose(clamp_singular_value(a, limit=5.0), a, atol=1e-6)
    np.testing.assert_array_equal(clamp_singular_value(a[:, :1], ratio=1.0), a[:, :1])


def test_clamping_leaves_vectors_and_excluded_paths():
    params = {
        "a": {"kernel": 5 * jnp.eye(3), "bias": jnp.full(3, 9.0)},
        "shared": {"embedding": 5 * jnp.eye(3)},
    }
    clamped = clamp_weights(params, exclude="^shared/", limit=1.0)
    np.testing.assert_array_equal(clamped["a"]["bias"], 9)
    np.testing.assert_array_equal(clamped["shared"]["embedding"], params["shared"]["embedding"])
    assert float(jnp.trace(clamped["a"]["kernel"])) == pytest.approx(11, rel=1e-4)
