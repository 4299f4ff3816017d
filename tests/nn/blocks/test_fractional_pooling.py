"""Fractional maximum pooling: PyTorch's values, gradients and rule for the windows."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.blocks.fractional_pooling import draw_samples, fractional_max_pool, interval_starts

GOLDEN = np.load(pathlib.Path(__file__).parents[2] / "golden" / "fractional_pooling.npz")
CASES = sorted({name.split("/")[0] for name in GOLDEN.files})


def channels_last(array):
    return jnp.asarray(np.asarray(array).transpose(0, 2, 3, 1))


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_pytorchs(case):
    """The maps are full of equal values: the gradient must go to the same of them."""
    x, pooled, cotangent, gradient = (
        channels_last(GOLDEN[f"{case}/{name}"]) for name in ("x", "pooled", "cotangent", "gradient")
    )
    samples = jnp.asarray(GOLDEN[f"{case}/samples"])

    @jax.jit
    def run(x, samples, cotangent):
        y, pullback = jax.vjp(lambda x: fractional_max_pool(x, samples, pooled.shape[1:3]), x)
        return y, *pullback(cotangent)

    have, have_gradient = run(x, samples, cotangent)
    np.testing.assert_array_equal(have, pooled)
    np.testing.assert_array_equal(have_gradient, gradient)


def test_sizes_of_the_published_network(data_folder):
    golden = np.load(data_folder / "goldens" / "fracpool.npz")
    pool = jax.jit(fractional_max_pool, static_argnums=2)
    for case in ("64x64/r1", "64x64/r3", "32x32/r2", "16x16/r4", "8x8/r3", "17x23/r1"):
        x = channels_last(golden[f"{case.split('/')[0]}/x"])
        size = tuple(golden[f"{case}/outsize"].tolist())
        pooled = pool(x, jnp.asarray(golden[f"{case}/samples"]), size)
        np.testing.assert_array_equal(pooled, channels_last(golden[f"{case}/out"]))


def test_starts_by_hand():
    """size 7 to 5: a = 5/4; int((k + .5) 1.25) - int(.625) = 0, 1, 3, 4, and 5 for the last."""
    starts = interval_starts(jnp.asarray([0.0, 0.5, 0.9]), 7, 5)
    np.testing.assert_array_equal(starts, [[0, 1, 2, 3, 5], [0, 1, 3, 4, 5], [0, 1, 2, 3, 5]])
    np.testing.assert_array_equal(interval_starts(jnp.asarray(0.3), 6, 1), [4])


def test_starts_are_ascending_for_extreme_samples():
    """Samples next to where the rule jumps, at which float32 rounds to either side."""
    for size, new_size in ((64, 53), (64, 32), (32, 26), (16, 11), (128, 127)):
        step = (size - 2) / (new_size - 1)
        jumps = np.float32(np.arange(1, 3) / step)
        samples = np.concatenate([np.nextafter(jumps, np.float32(i)) for i in (0, 2)])
        samples = np.concatenate([samples, jumps, np.float32([0, 1e-9, 1 - 2**-24])])
        starts = np.asarray(interval_starts(jnp.asarray(samples[samples < 1]), size, new_size))
        assert (starts[:, 0] == 0).all()
        assert (starts[:, -1] == size - 2).all()
        difference = np.diff(starts)
        assert difference.min() >= 0
        assert (starts - np.floor(np.arange(new_size) * step + 1e-9)).min() >= 0
        assert (starts - np.floor(np.arange(new_size) * step + 1e-9)).max() <= 1


def test_shared_windows_and_other_dtypes():
    x = jnp.asarray(np.random.default_rng(0).standard_normal((3, 8, 8, 2)), jnp.bfloat16)
    samples = draw_samples(jax.random.key(0), (1, 2))
    together = fractional_max_pool(x, samples, (5, 6))
    assert together.dtype == jnp.bfloat16
    assert samples.shape == (1, 2, 2)
    for i in range(3):
        alone = fractional_max_pool(x[i : i + 1], samples, (5, 6))
        np.testing.assert_array_equal(together[i : i + 1].astype(float), alone.astype(float))
    with pytest.raises(AssertionError):
        fractional_max_pool(x, samples, (8, 5))
