import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.latents import DISTRIBUTIONS, draw_latents, indexed_latents

# Mean, variance and the values that can occur (None: an interval).
EXPECTED = {
    "normal": (0, 1, None),
    "uniform": (0, 1 / 3, None),
    "bernoulli": (0.5, 0.25, {0, 1}),
    "censored_normal": (1 / np.sqrt(2 * np.pi), 0.5 - 1 / (2 * np.pi), None),
    "categorical": (0, 2 / 3, {-1, 0, 1}),
    "normal_times_bernoulli": (0, 0.5, None),
    "normal_and_bernoulli": (0.25, 0.6875, None),
}


def test_every_distribution_is_expected():
    assert set(EXPECTED) == set(DISTRIBUTIONS)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_moments_and_values(name):
    z = np.asarray(draw_latents(name, jax.random.key(0), (2000, 50)))
    mean, variance, values = EXPECTED[name]
    # Five standard errors of 100,000 draws.
    np.testing.assert_allclose(z.mean(), mean, atol=5 * np.sqrt(variance / z.size))
    np.testing.assert_allclose(z.var(), variance, rtol=0.03)
    if values:
        assert set(np.unique(z)) == values
    assert z.dtype == np.float32
    assert (z.min() >= 0) == (name in ("bernoulli", "censored_normal"))


def test_the_mixed_ones_mix():
    z = np.asarray(draw_latents("normal_and_bernoulli", jax.random.key(0), (1000, 6)))
    assert set(np.unique(z[:, 1::2])) == {0, 1}
    np.testing.assert_allclose(z[:, ::2].std(), 1, atol=0.05)
    product = np.asarray(draw_latents("normal_times_bernoulli", jax.random.key(0), (1000, 6)))
    np.testing.assert_allclose((product == 0).mean(), 0.5, atol=0.03)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_rows_do_not_depend_on_their_neighbours(name):
    key = jax.random.key(0)
    rows = indexed_latents(name, key, jnp.arange(5), 8)
    np.testing.assert_array_equal(rows[3], indexed_latents(name, key, jnp.asarray([7, 3]), 8)[1])
    assert not np.array_equal(rows[3], rows[4])


def test_another_name_is_refused():
    with pytest.raises(InputError, match="no latent distribution 'cauchy'; allowed: normal"):
        draw_latents("cauchy", jax.random.key(0), (2,))
