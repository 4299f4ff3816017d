"""Predictions with windows drawn anew, always the same, and averaged over several draws."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.nn.blocks.fractional_pooling import draw_samples, fractional_max_pool
from jaxrepro.tasks.pose.inference.pooling_windows import predict_scores


class Pooled(nn.Module):
    """One stack of two maps, of a picture made smaller by fractional pooling."""

    @nn.compact
    def __call__(self, images, *, train, num_stacks=None):
        rows = (images.shape[0] if train else 1, images.shape[-1])
        x = fractional_max_pool(images, draw_samples(self.make_rng("pooling"), rows), (8, 8))
        return nn.Dense(2)(x)[None]


def test_three_kinds_of_windows():
    module = Pooled()
    images = jnp.asarray(np.random.default_rng(0).standard_normal((2, 32, 32, 3)), jnp.float32)
    keys = [jax.random.key(i) for i in (1, 2)]
    rngs = dict(zip(("params", "pooling"), keys, strict=True))
    variables = jax.jit(functools.partial(module.init, train=False))(rngs, images)

    @functools.partial(jax.jit, static_argnums=(2, 3))
    def predict(images, key, windows, num_draws=1):
        return predict_scores(module, variables, images, key, windows=windows, num_draws=num_draws)

    one, two = (predict(images, key, "resampled") for key in keys)
    assert np.abs(one - two).max() > 1e-4
    seeded = predict(images, keys[0], "seeded")
    np.testing.assert_array_equal(seeded, predict(images, keys[1], "seeded"))
    # Each image as if it were alone.
    np.testing.assert_allclose(seeded[:, ::-1], predict(images[::-1], keys[0], "seeded"), atol=1e-6)
    fixed = jax.random.key(0)
    draws = [predict(images, jax.random.fold_in(fixed, i), "resampled") for i in range(2)]
    averaged = predict(images, keys[0], "averaged", 2)
    np.testing.assert_allclose(averaged, (draws[0] + draws[1]) / 2, atol=1e-6)
    assert np.abs(draws[0] - draws[1]).max() > 1e-4
