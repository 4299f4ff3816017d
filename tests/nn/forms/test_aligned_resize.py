"""Bilinear interpolation with aligned corners: PyTorch's values, and the transposed gradient."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.forms.aligned_resize import resize_bilinear_aligned

GOLDEN = np.load(pathlib.Path(__file__).parents[2] / "golden" / "fractional_pooling.npz")
CASES = sorted({name.split("/")[0] for name in GOLDEN.files})


@pytest.mark.parametrize("name", ["larger", "smaller"])
def test_values_are_pytorchs(name):
    for case in CASES:
        x, want = (GOLDEN[f"{case}/{key}"].transpose(0, 2, 3, 1) for key in ("x", name))
        have = resize_bilinear_aligned(jnp.asarray(x), want.shape[1:3])
        np.testing.assert_allclose(have, want, rtol=0, atol=2e-6)


def test_by_hand():
    row = jnp.asarray([0.0, 3.0, 9.0]).reshape(1, 1, 3, 1)
    have = resize_bilinear_aligned(row, (1, 5))[0, 0, :, 0]
    np.testing.assert_allclose(have, [0, 1.5, 3, 6, 9])
    np.testing.assert_allclose(resize_bilinear_aligned(row, (2, 2))[0, :, :, 0], [[0, 9], [0, 9]])
    assert resize_bilinear_aligned(row, (1, 3)) is row


@pytest.mark.parametrize("size", [(9, 4), (3, 13), (5, 7)])
def test_gradient_is_the_transposed_map(size):
    """<A x, g> = <x, A^T g>, and A from the images of unit maps."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.standard_normal((2, 5, 7, 3)), jnp.float32)
    g = jnp.asarray(rng.standard_normal((2, *size, 3)), jnp.float32)
    (back,) = jax.vjp(lambda x: resize_bilinear_aligned(x, size), x)[1](g)
    unit_maps = jnp.eye(35, dtype=jnp.float32).reshape(35, 5, 7, 1)
    matrix = np.asarray(resize_bilinear_aligned(unit_maps, size)).reshape(35, -1)
    want = np.einsum("pq,bqc->bpc", matrix, np.asarray(g).reshape(2, -1, 3)).reshape(x.shape)
    np.testing.assert_allclose(back, want, rtol=0, atol=1e-5)
