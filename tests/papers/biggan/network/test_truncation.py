import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.truncation import (
    MODES,
    check_truncation,
    truncate,
    truncated_latents,
)

EXPECTED = {
    "none": lambda t: stats.norm(),
    "resample": lambda t: stats.truncnorm(-t, t),
    "scaled": lambda t: stats.truncnorm(-2, 2, scale=t),
    "gaussian": lambda t: stats.norm(scale=t),
}


def draw(mode, threshold, num=400, size=50, seed=0):
    index = jnp.arange(num, dtype=jnp.int32)
    return np.asarray(
        truncated_latents("normal", mode, jax.random.key(seed), index, size, threshold)
    )


@pytest.mark.parametrize("threshold", [0.04, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("mode", MODES)
def test_distribution_is_scipys(mode, threshold):
    z = draw(mode, threshold)
    expected = EXPECTED[mode](threshold)
    assert stats.kstest(z.ravel(), expected.cdf).pvalue > 1e-3
    np.testing.assert_allclose(z.mean(), 0, atol=5 * expected.std() / np.sqrt(z.size))
    np.testing.assert_allclose(z.std(), expected.std(), rtol=0.02)
    assert z.dtype == np.float32
    assert abs(z).max() <= np.float32(expected.support()[1])


def test_the_test_above_tells_the_modes_apart():
    others = {mode: make(0.7) for mode, make in EXPECTED.items()}
    for mode in MODES:
        z = draw(mode, 0.7).ravel()
        fits = {name for name, x in others.items() if stats.kstest(z, x.cdf).pvalue > 1e-3}
        assert fits == {mode}


def test_resampling_by_rejection_has_the_same_distribution():
    normal = np.random.default_rng(0).standard_normal(100_000)
    assert stats.ks_2samp(normal[abs(normal) <= 0.5], draw("resample", 0.5).ravel()).pvalue > 1e-3


def test_samples_keep_their_identity():
    z = draw("none", 1.0)
    np.testing.assert_array_equal(draw("gaussian", 0.25), z * np.float32(0.25))
    for mode in ("resample", "scaled"):
        narrow = draw(mode, 0.5)
        np.testing.assert_array_equal(np.sign(narrow), np.sign(z))
        assert stats.spearmanr(narrow.ravel(), z.ravel()).statistic > 1 - 1e-6
    # A threshold beyond all draws changes nothing; float32 has few digits of erf in the tails.
    np.testing.assert_allclose(draw("resample", 50.0), z, rtol=2e-3, atol=1e-6)
    extreme = truncate("resample", jnp.asarray([-9.0, 9.0]), 100.0)
    np.testing.assert_allclose(extreme, [-5.4, 5.4], atol=0.2)
    np.testing.assert_allclose(truncate("resample", jnp.asarray([-9.0, 9.0]), 0.3), [-0.3, 0.3])


@pytest.mark.parametrize("mode", MODES)
def test_rows_do_not_depend_on_their_neighbours(mode):
    rows = draw(mode, 0.5, num=5, size=8)
    key, index = jax.random.key(0), jnp.asarray([7, 3])
    np.testing.assert_array_equal(rows[3], truncated_latents("normal", mode, key, index, 8, 0.5)[1])
    assert not np.array_equal(rows[3], rows[4])


def test_what_does_not_fit_together_is_said():
    for latent in ("normal", "uniform"):
        check_truncation(latent, "none", None)
    check_truncation("normal", "resample", 0.5)
    for latent, mode, threshold, message in (
        ("normal", "hard", 0.5, "no truncation mode 'hard'; allowed: none, resample, scaled"),
        ("normal", "none", 0.5, "mode none, which takes no threshold"),
        ("normal", "scaled", None, "mode scaled given without a truncation"),
        ("normal", "scaled", 0.0, "truncation 0 given; it must be a number greater than 0"),
        ("normal", "gaussian", float("nan"), "truncation nan given"),
        ("censored_normal", "gaussian", 0.5, "this generator's is 'censored_normal'"),
    ):
        with pytest.raises(InputError, match=message):
            check_truncation(latent, mode, threshold)
