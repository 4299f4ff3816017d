"""Batch statistics over groups: what they are, and that they stay within devices."""

import functools
import re

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.devices import mesh as mesh_lib
from jaxrepro.core.errors import InputError
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.nn.norms.example_groups import apply_in_groups, num_groups_from_settings
from tests import runs

COLLECTIVE = re.compile(
    r"\b(all-reduce|all-gather|all-to-all|reduce-scatter|collective-permute)(-start)?\("
)


class Norms(nn.Module):
    """Two norms with a convolution between them."""

    num_groups: int = 1

    @nn.compact
    def __call__(self, x, *, train):
        x = BatchNormRelu(num_groups=self.num_groups, name="first")(x, train=train)
        x = nn.Conv(3, (3, 3))(x)
        return BatchNormRelu(num_groups=self.num_groups, name="second")(x, train=train)


@functools.cache
def images():
    scale = 1 + jnp.arange(16.0)[:, None, None, None]
    return scale * (1 + jax.random.normal(jax.random.key(0), (16, 4, 4, 3)))


@functools.cache
def variables():
    """(parameters, statistics)."""
    stats = dict(runs.initialised(Norms(), jax.random.key(1), images(), train=False))
    return stats.pop("params"), stats


def around(num_groups, x):
    """As PyraNet has it."""
    return apply_in_groups(Norms(), *variables(), x, num_groups=num_groups, rngs={})


def inside(num_groups, x):
    """As BigGAN has it."""
    params, stats = variables()
    return Norms(num_groups).apply({"params": params, **stats}, x, train=True, mutable=list(stats))


def test_any_network_gets_the_groups_of_the_norm_that_knows_them():
    got, want, whole = around(4, images()), inside(4, images()), around(1, images())
    chex.assert_trees_all_close(got, want, rtol=1e-4, atol=1e-5)
    chex.assert_trees_all_close(whole, inside(1, images()), rtol=1e-4, atol=1e-5)
    assert np.abs(got[0] - whole[0]).max() > 0.1
    grouped, together = (x[1]["batch_stats"]["first"]["var"] for x in (got, whole))
    assert np.abs(grouped / together - 1).max() > 0.1


def test_examples_stay_in_place_and_groups_draw_their_own_numbers():
    class Drawing(nn.Module):
        @nn.compact
        def __call__(self, x, *, train):
            drawn = jax.random.uniform(self.make_rng("pooling"), x.shape[:1])
            return jnp.stack([x[:, 0, 0, 0], drawn])

    keys = {"pooling": jax.random.key(2)}
    (first, drawn), _ = apply_in_groups(
        Drawing(), {}, {}, images(), num_groups=4, rngs=keys, batch_axis=1
    )
    np.testing.assert_array_equal(first, images()[:, 0, 0, 0])
    assert len(set(map(float, drawn))) == 16


@pytest.mark.parametrize("apply", [around, inside])
def test_groups_within_devices_exchange_nothing(apply):
    """Neither forwards nor for the gradient of what comes in; the whole batch's moments must."""
    rows = mesh_lib.batch_sharding(mesh_lib.make_mesh())

    def compiled(num_groups):
        def sensitivity(x):
            return jax.grad(lambda x: jnp.sum(apply(num_groups, x)[0] ** 2))(x)

        return jax.jit(sensitivity, in_shardings=rows, out_shardings=rows).lower(images()).compile()

    eight = compiled(8)
    assert not COLLECTIVE.search(eight.as_text())
    assert COLLECTIVE.search(compiled(1).as_text())
    alone = jax.grad(lambda x: jnp.sum(apply(8, x)[0] ** 2))(images())
    np.testing.assert_allclose(
        eight(jax.device_put(images(), rows)), alone, rtol=1e-4, atol=1e-4 * np.abs(alone).max()
    )


def test_groups_divide_the_batch():
    model = Settings({"bn_groups": 3})
    assert num_groups_from_settings(model, 12) == 3
    with pytest.raises(InputError, match="bn_groups=3 does not divide the 8 examples"):
        num_groups_from_settings(model, 8)
    with pytest.raises(InputError, match="bn_groups is 0; it must be at least 1"):
        num_groups_from_settings(Settings({"bn_groups": 0}), 8)
