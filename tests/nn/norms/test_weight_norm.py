import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.update.optim import orthogonal_regularization
from jaxrepro.nn.initializers import kernel_initializer
from jaxrepro.nn.norms.simple_norms import ScaleRelu, WeightNormConv
from tests import runs

X = jax.random.normal(jax.random.key(1), (2, 4, 4, 3))


@pytest.fixture(scope="module")
def params():
    module = WeightNormConv(5, kernel_init=kernel_initializer("N02"))
    return runs.initialised(module, jax.random.key(0), X, train=False)["params"]


def apply(params, x=X):
    return WeightNormConv(5).apply({"params": params}, x, train=True)


def convolve(kernel, x=X):
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def test_the_first_kernel_is_the_one_drawn(params):
    assert {name: leaf.shape for name, leaf in params.items()} == {
        "kernel": (3, 3, 3, 5),
        "scale": (5,),
        "bias": (5,),
    }
    np.testing.assert_allclose(apply(params), convolve(params["kernel"]), rtol=1e-4, atol=1e-6)


def test_length_and_direction_are_apart(params):
    """Each channel has the length `scale`, whatever the length of `kernel`."""
    scale = jnp.asarray([1.0, -2.0, 0.5, 0.0, 3.0])
    changed = {**params, "kernel": params["kernel"] * 7, "scale": scale, "bias": jnp.arange(5.0)}
    v = np.asarray(params["kernel"], np.float64).reshape(-1, 5)
    unit = (v / np.linalg.norm(v, axis=0)).reshape(3, 3, 3, 5)
    expected = convolve(jnp.asarray(unit, jnp.float32)) * scale + jnp.arange(5.0)
    np.testing.assert_allclose(apply(changed), expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_turns_the_direction_only(params):
    gradient = jax.grad(lambda p: jnp.sum(jnp.sin(apply(p))))(params)
    along = jnp.sum(gradient["kernel"] * params["kernel"], axis=(0, 1, 2))
    assert float(jnp.abs(gradient["kernel"]).max()) > 1
    np.testing.assert_allclose(along, 0, atol=1e-3)


def test_a_kernel_of_zeros_is_finite(params):
    zeros = {**params, "kernel": jnp.zeros_like(params["kernel"])}
    value, gradient = jax.value_and_grad(lambda p: jnp.sum(apply(p)))(zeros)
    assert float(value) == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_orthogonal_regularization_is_of_the_direction(params):
    zeros = jax.tree.map(jnp.zeros_like, params)
    update, _ = orthogonal_regularization(1.0).update(zeros, None, params)
    w = np.asarray(params["kernel"], np.float64).reshape(-1, 5).T
    gram = w @ w.T
    expected = 4 * (gram - np.diag(np.diag(gram))) @ w
    np.testing.assert_allclose(np.asarray(update["kernel"]).reshape(-1, 5).T, expected, atol=1e-8)
    assert not np.asarray(update["scale"]).any()


def test_low_precision_keeps_float32_parameters():
    module = WeightNormConv(4, dtype=jnp.bfloat16)
    y, variables = module.init_with_output(jax.random.key(0), X.astype(jnp.bfloat16), train=True)
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}


def test_scale_and_rectify():
    x = jnp.asarray([-1.0, 2.0]).reshape(2, 1, 1, 1)
    gain, bias = jnp.asarray([[-2.0], [3.0]]), jnp.asarray([[1.0], [-7.0]])
    y = ScaleRelu().apply({}, x, gain, bias, train=True)
    np.testing.assert_array_equal(y.reshape(2), [3, 0])
    shared, variables = ScaleRelu().init_with_output(jax.random.key(0), x, train=True)
    np.testing.assert_array_equal(shared.reshape(2), [0, 2])
    assert jax.tree.map(jnp.shape, variables) == {"params": {"gain": (1,), "bias": (1,)}}
