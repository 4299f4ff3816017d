"""Gated convolutions, transposed ones and local response norms against golden values."""

import pathlib
import re

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrepro.nn.blocks.gated_convolution import GatedConvolution
from jaxrepro.nn.blocks.gated_deconvolution import GatedDeconvolution
from jaxrepro.nn.forms.operations import DEFINITIONS, FOR_CPU
from jaxrepro.nn.norms.simple_norms import local_response_norm, pixel_norm
from jaxrepro.nn.norms.spectral_norm import power_iteration
from tests import runs

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"
RNG = np.random.default_rng(0)
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def golden():
    content = {}
    for name in ("layers", "operations"):
        with np.load(GOLDEN / f"scfegan_{name}.npz", allow_pickle=False) as file:
            content |= {key: file[key] for key in file.files}
    return content


def gated(kernel, bias, gate_kernel, gate_bias):
    return {
        "params": {
            "kernel": np.concatenate([kernel, gate_kernel], axis=-1),
            "bias": np.concatenate([bias, gate_bias]),
        }
    }


# Name: kernel side, stride, dilation, norm, activation, by the table of the generator.
LAYERS = {
    "first": (7, 2, 1, "none", True),
    "ds5": (5, 2, 1, "local_response", True),
    "ds3": (3, 2, 1, "local_response", True),
    "dil2": (3, 1, 2, "local_response", True),
    "dil4": (3, 1, 4, "local_response", True),
    "dec": (3, 1, 1, "local_response", True),
    "last": (3, 1, 1, "none", False),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_the_generator_against_golden_values(golden, name):
    side, stride, dilation, norm, activation = LAYERS[name]
    x, w, b, wg, bg, y = (golden[f"scf_{name}_{k}"] for k in ("x", "w", "b", "wg", "bg", "y"))
    module = GatedConvolution(len(b), side, stride, dilation, norm, activation)
    np.testing.assert_allclose(module.apply(gated(w, b, wg, bg), x), y, **TOLERANCE)


PLAIN = (
    "k7s2d1_16x16",
    "k5s2d1_16x16",
    "k3s2d1_16x16",
    "k3s2d1_15x17",
    "k3s1d2_8x8",
    "k3s1d4_4x4",
    "k3s1d16_4x4",
)


@pytest.mark.parametrize("name", PLAIN)
def test_padding_and_dilation_against_golden_values(golden, name):
    x, w, b, y = (golden[f"conv_{name}_{k}"] for k in ("x", "w", "b", "y"))
    side, stride, dilation = map(int, re.findall(r"[ksd](\d+)", name))
    module = GatedConvolution(len(b), side, stride, dilation, norm="none", activation=False)
    # A gate of sigmoid(0) = 1/2 at every place.
    half = module.apply(gated(w, b, np.zeros_like(w), np.zeros_like(b)), x)
    np.testing.assert_allclose(2 * half, y, **TOLERANCE)


@pytest.mark.parametrize("side", [4, 5])
def test_doubling_against_golden_values(golden, side):
    x, w, b, y = (golden[f"convT_k{side}s2_{k}"] for k in ("x", "w", "b", "y"))
    for forms in (DEFINITIONS, FOR_CPU):
        np.testing.assert_allclose(forms.transpose_convolve(x, w) + b, y, **TOLERANCE)


def test_gates_of_the_transposed_convolution_against_golden_values(golden):
    x, w, b1, b2 = (golden[f"scf_deconv_{k}"] for k in ("x", "w", "b1", "b2"))
    params = {"kernel": w, "bias": b1, "gate_bias": b2}
    for gate, name in (("self", "official"), ("shared_kernel", "intended")):
        module = GatedDeconvolution(len(b1), gate=gate)
        y = module.apply({"params": params}, x)
        np.testing.assert_allclose(y, golden[f"scf_deconv_y_{name}"], **TOLERANCE)
    # With the feature's kernel as the gate's own, the separate form is the shared one.
    separate = GatedDeconvolution(len(b1), gate="separate")
    y = separate.apply({"params": params | {"gate_kernel": w}}, x)
    np.testing.assert_allclose(y, golden["scf_deconv_y_intended"], **TOLERANCE)
    other = separate.apply({"params": params | {"gate_kernel": 0 * w}}, x)
    feature = np.asarray(DEFINITIONS.transpose_convolve(x, w) + b1)
    feature = np.where(feature > 0, feature, 0.2 * feature)
    np.testing.assert_allclose(other, feature / (1 + np.exp(-b2)), **TOLERANCE)


@pytest.mark.parametrize("num", [3, 8, 16, 64])
def test_local_response_norm_against_golden_values(golden, num):
    x = golden[f"lrn_c{num}_x"]
    np.testing.assert_allclose(local_response_norm(x), golden[f"lrn_c{num}_y"], **TOLERANCE)
    y = local_response_norm(x, bias=1.0)
    np.testing.assert_allclose(y, golden[f"lrn_c{num}_y_bias1"], **TOLERANCE)


def test_local_response_norm_of_small_values_is_finite_with_its_gradient(golden):
    x = jnp.asarray(golden["lrn_small_x"])
    np.testing.assert_allclose(local_response_norm(x), golden["lrn_small_y"], **TOLERANCE)
    zero = jnp.zeros_like(x)
    np.testing.assert_array_equal(local_response_norm(zero), golden["lrn_zero_y"])
    gradient = jax.grad(lambda x: local_response_norm(x).sum())(zero)
    np.testing.assert_allclose(gradient, 5e-5**-0.5, rtol=1e-5)


def test_spectral_norm_against_golden_values(golden):
    matrix = golden["sn_w"].reshape(-1, golden["sn_w"].shape[-1])
    sigma, u = power_iteration(jnp.asarray(matrix), jnp.asarray(golden["sn_u"][0]), 1e-12)
    np.testing.assert_allclose(sigma, golden["sn_sigma_1iter"], rtol=1e-5)
    np.testing.assert_allclose(u, golden["sn_u_next"][0], **TOLERANCE)


def test_pixel_norm_by_hand():
    x = RNG.normal(size=(1, 2, 2, 5)).astype(np.float32)
    want = x / np.sqrt((x.astype(np.float64) ** 2).mean(axis=-1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(pixel_norm(jnp.asarray(x)), want, rtol=1e-6)


def test_halves_are_drawn_as_kernels_of_their_own():
    x = jnp.zeros((1, 8, 8, 40))
    kernel = runs.initialised(GatedConvolution(50), jax.random.key(0), x)["params"]["kernel"]
    limit = np.sqrt(6 / (9 * 40 + 9 * 50))
    halves = kernel[..., :50], kernel[..., 50:]
    for half in halves:
        assert 0.99 * limit < np.abs(half).max() <= limit
    assert np.abs(halves[0] - halves[1]).max() > limit


def test_norms_are_in_float32_when_the_rest_is_not():
    x = jnp.asarray(RNG.normal(size=(1, 4, 4, 16)), jnp.bfloat16)
    module = GatedConvolution(16, dtype=jnp.bfloat16)
    variables = runs.initialised(module, jax.random.key(0), x)
    chex.assert_trees_all_equal_dtypes(variables, jax.tree.map(jnp.float32, variables))
    assert module.apply(variables, x).dtype == jnp.bfloat16
    # In bfloat16, 1 + 1 / 512 is 1: the sum of one large and ten small squares would be the large.
    y = local_response_norm(jnp.full((1, 1, 1, 11), 0.04, jnp.bfloat16).at[..., 0].set(1))
    assert y.dtype == jnp.float32
    small = float(jnp.bfloat16(0.04)) ** 2
    assert float(y[0, 0, 0, 5]) ** 2 == pytest.approx(small / (1 + 10 * small + 5e-5), rel=1e-5)
