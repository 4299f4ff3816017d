"""The normalising modules against numpy, with torch's rules for the running moments."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.norms.batch_moments import batch_moments, moments_of_parts
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.nn.norms.cond_norm import ConditionalBatchNormRelu, PlainLinear
from tests import runs

EPSILON = 1e-3


def draw_map(shape=(4, 3, 5, 2)):
    return 2 * jax.random.normal(jax.random.key(0), shape) + 3


def normalized(x, mean, variance):
    return np.maximum((np.asarray(x, np.float64) - mean) / np.sqrt(variance + EPSILON), 0)


def test_training_and_running_moments():
    x = draw_map()
    module = BatchNormRelu(epsilon=EPSILON, momentum=0.3)
    variables = runs.initialised(module, jax.random.key(0), x, train=True)
    chex.assert_trees_all_equal(
        variables["batch_stats"], {"mean": jnp.zeros(2), "var": jnp.ones(2)}
    )
    y, new = module.apply(variables, x, train=True, mutable=["batch_stats"])
    mean, biased = np.mean(x, (0, 1, 2)), np.var(x, (0, 1, 2))
    np.testing.assert_allclose(y, normalized(x, mean, biased), atol=1e-5)
    unbiased = biased * 60 / 59
    np.testing.assert_allclose(new["batch_stats"]["mean"], 0.3 * mean, rtol=1e-5)
    np.testing.assert_allclose(new["batch_stats"]["var"], 0.7 + 0.3 * unbiased, rtol=1e-5)


def test_evaluation_uses_the_running_moments_alone():
    x = draw_map()
    module = BatchNormRelu(epsilon=EPSILON)
    params = {"gain": jnp.asarray([1.0, -2.0]), "bias": jnp.asarray([0.5, 0.25])}
    stats = {"mean": jnp.asarray([1.0, 2.0]), "var": jnp.asarray([4.0, 0.5])}
    y = module.apply({"params": params, "batch_stats": stats}, x, train=False)
    scaled = (np.asarray(x) - stats["mean"]) / np.sqrt(stats["var"] + EPSILON)
    np.testing.assert_allclose(
        y, np.maximum(scaled * params["gain"] + params["bias"], 0), atol=1e-5
    )


def test_groups_are_runs_of_consecutive_examples():
    x = draw_map() * jnp.arange(1.0, 5.0)[:, None, None, None]
    module = BatchNormRelu(epsilon=EPSILON, momentum=1.0, num_groups=2)
    variables = runs.initialised(module, jax.random.key(0), x, train=False)
    y, new = module.apply(variables, x, train=True, mutable=["batch_stats"])
    whole = BatchNormRelu(epsilon=EPSILON, momentum=1.0)
    halves = [
        whole.apply(variables, half, train=True, mutable=["batch_stats"])
        for half in jnp.split(x, 2)
    ]
    np.testing.assert_allclose(y, jnp.concatenate([half[0] for half in halves]), atol=1e-5)
    mean_of_groups = jax.tree.map(
        lambda *leaves: sum(leaves) / 2, *(half[1]["batch_stats"] for half in halves)
    )
    chex.assert_trees_all_close(new["batch_stats"], mean_of_groups, rtol=1e-5)
    together = whole.apply(variables, x, train=True, mutable=["batch_stats"])[0]
    assert np.abs(y - together).max() > 0.1
    with pytest.raises(AssertionError):
        BatchNormRelu(num_groups=3).apply(variables, x, train=True, mutable=["batch_stats"])


def test_moments_far_from_zero_are_exact():
    """A one-pass E[x^2] - E[x]^2 would lose the variance here."""
    x = draw_map((4, 8, 8, 2)) + 1000
    module = BatchNormRelu(epsilon=EPSILON, momentum=1.0)
    variables = runs.initialised(module, jax.random.key(0), x, train=False)
    _, new = module.apply(variables, x, train=True, mutable=["batch_stats"])
    variance = np.var(np.asarray(x, np.float64), (0, 1, 2), ddof=1)
    np.testing.assert_allclose(new["batch_stats"]["var"], variance, rtol=1e-4)


def test_moments_of_parts_about_a_near_center_are_exact():
    """Parts whose own means differ, far from zero: the guess keeps the digits, zero would not."""
    x = draw_map((8, 4, 4, 2)) + 1000 + jnp.arange(8.0)[:, None, None, None]
    exact = np.asarray(x, np.float64)
    mean, variance = moments_of_parts(x, jnp.asarray([1004.0, 1010.0]), 1, 4)
    np.testing.assert_allclose(mean, exact.mean((0, 1, 2))[None], rtol=1e-6)
    np.testing.assert_allclose(variance, exact.var((0, 1, 2))[None], rtol=1e-4)
    # Groups that lie on one device each, or on no whole number of them, are taken as they are.
    for num_groups, num_parts in ((4, 4), (4, 2), (2, 3)):
        chex.assert_trees_all_equal(
            moments_of_parts(x, jnp.zeros(2), num_groups, num_parts), batch_moments(x, num_groups)
        )


def test_low_precision_keeps_float32_moments():
    x = draw_map().astype(jnp.bfloat16)
    module = BatchNormRelu(momentum=1.0)
    variables = runs.initialised(module, jax.random.key(0), x, train=False)
    y, new = module.apply(variables, x, train=True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    mean = np.mean(np.asarray(x, np.float64), (0, 1, 2))
    assert new["batch_stats"]["mean"].dtype == jnp.float32
    np.testing.assert_allclose(new["batch_stats"]["mean"], mean, rtol=1e-5)


def test_conditional_gain_is_one_plus_a_linear_map():
    x, labels = draw_map(), jnp.asarray([0, 2, 1, 2])
    one_hot = jax.nn.one_hot(labels, 3)

    def linear(features, name):
        return PlainLinear(features, kernel_init=nn.initializers.normal(1.0), name=name)

    module = ConditionalBatchNormRelu(linear, epsilon=EPSILON)
    variables = runs.initialised(module, jax.random.key(0), x, one_hot, train=False)
    y, _ = module.apply(variables, x, one_hot, train=True, mutable=["batch_stats"])
    tables = variables["params"]
    assert tables["gain"]["embedding"].shape == (3, 2)
    gain = 1 + tables["gain"]["embedding"][labels][:, None, None]
    bias = tables["bias"]["embedding"][labels][:, None, None]
    scaled = (x - np.mean(x, (0, 1, 2))) / np.sqrt(np.var(x, (0, 1, 2)) + EPSILON)
    np.testing.assert_allclose(y, np.maximum(scaled * gain + bias, 0), atol=1e-5)
