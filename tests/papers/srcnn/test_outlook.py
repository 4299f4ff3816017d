"""FSRCNN and ESPCN: what they compute, whole and in tiles, and what of them is trained."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxrepro.core.checkpoints.export import Export, write_export
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.update.optim import OptimizerSpec, make_optimizer, parse_multipliers
from jaxrepro.papers.srcnn.network.borders import replicate, valid, zero
from jaxrepro.papers.srcnn.network.model import ESPCN, FSRCNN, Deconvolution
from jaxrepro.papers.srcnn.network.networks import network_card
from jaxrepro.papers.srcnn.network.tiles import TiledNetwork
from jaxrepro.papers.srcnn.pairs.color_strategy import STRATEGIES
from jaxrepro.papers.srcnn.start import starting_params
from tests import runs

FSRCNN_X3 = FSRCNN(scale=3, features=3, shrunk=2, mappings=1)


def random_variables(module, x):
    """Returns parameters of which none is zero or as small as at the start of training."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), x)
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda s: rng.normal(0, 0.3, s.shape).astype(np.float32), shapes)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_deconvolution_is_a_transposed_convolution(scale):
    """In two forms: as JAX's with a dilated input, and tap by tap in numpy."""
    x = np.random.default_rng(1).normal(size=(1, 4, 5, 2)).astype(np.float32)
    layer = Deconvolution(features=3, side=9, stride=scale, padding=4)
    shapes = jax.eval_shape(lambda: layer.init(jax.random.key(0), jnp.asarray(x), zero, 0))
    rng = np.random.default_rng(2)
    params = {k: rng.normal(size=s.shape).astype(np.float32) for k, s in shapes["params"].items()}
    chex.assert_shape(params["kernel"], (9, 9, 2, 3))
    out = np.asarray(layer.apply({"params": params}, x, zero, 0))
    assert out.shape == (1, 4 * scale, 5 * scale, 3)

    # Mirrored, because lax correlates; 9 - 1 - 4 before, and so much after that the size fits.
    dilated = lax.conv_general_dilated(
        x,
        params["kernel"][::-1, ::-1],
        (1, 1),
        [(4, 4 + scale - 1)] * 2,
        lhs_dilation=(scale, scale),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    np.testing.assert_allclose(out, dilated + params["bias"], rtol=0, atol=2e-5)

    canvas = np.zeros((4 * scale + 8, 5 * scale + 8, 3))
    for i in range(4):
        for j in range(5):
            stamp = np.einsum("c,uvco->uvo", x[0, i, j].astype(float), params["kernel"])
            canvas[scale * i : scale * i + 9, scale * j : scale * j + 9] += stamp
    stamped = canvas[4 : 4 + 4 * scale, 4 : 4 + 5 * scale] + params["bias"]
    np.testing.assert_allclose(out[0], stamped, rtol=0, atol=2e-5)


def convolve(x, layer):
    """Returns the valid convolution in float64, window by window."""
    kernel = np.asarray(layer["kernel"], float)
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))
    return np.einsum("hwcuv,uvco->hwo", windows, kernel) + layer["bias"]


def extended(x, margin):
    return np.pad(x, ((margin, margin), (margin, margin), (0, 0)), mode="edge")


def test_fsrcnn_computes_its_equations():
    """By replicated edges, the deconvolution's among them."""
    x = np.random.default_rng(3).uniform(size=(1, 5, 6, 1)).astype(np.float32)
    variables = random_variables(FSRCNN_X3, np.zeros((1, 13, 13, 1), np.float32))
    params = variables["params"]
    assert set(params) == {
        "deconvolution",
        *(
            f"{name}{end}"
            for name in ("extraction", "shrinking", "mapping", "expanding")
            for end in ("", "_relu")
        ),
    }
    y = x[0].astype(float)
    for name, margin in (("extraction", 2), ("shrinking", 0), ("mapping", 1), ("expanding", 0)):
        y = convolve(extended(y, margin), params[name])
        y = np.where(y > 0, y, params[f"{name}_relu"]["slope"] * y)
    y = extended(y, 2)
    kernel, canvas = params["deconvolution"]["kernel"], np.zeros((9 * 3 + 8, 10 * 3 + 8, 1))
    for i, row in enumerate(y):
        for j, values in enumerate(row):
            stamp = np.einsum("c,uvco->uvo", values, kernel)
            canvas[3 * i : 3 * i + 9, 3 * j : 3 * j + 9] += stamp
    expected = canvas[10:-10, 10:-10] + params["deconvolution"]["bias"]
    out = FSRCNN_X3.apply(variables, x, replicate)
    np.testing.assert_allclose(out[0], expected, rtol=0, atol=1e-5)


def test_espcn_computes_its_equations():
    module = ESPCN(scale=2, widths=(3, 2), channels=2)
    x = np.random.default_rng(4).uniform(size=(1, 5, 6, 2)).astype(np.float32)
    variables = random_variables(module, np.zeros((1, 9, 9, 2), np.float32))
    params = variables["params"]
    y = np.tanh(convolve(extended(x[0].astype(float), 2), params["extraction"]))
    y = np.tanh(convolve(extended(y, 1), params["mapping"]))
    y = convolve(extended(y, 1), params["sub_pixel"])
    expected = np.empty((10, 12, 2))
    for down in range(2):
        for right in range(2):
            first = (2 * down + right) * 2
            expected[down::2, right::2] = y[..., first : first + 2]
    np.testing.assert_allclose(
        module.apply(variables, x, replicate)[0], expected, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(
    "module",
    [FSRCNN_X3, ESPCN(scale=2, widths=(3, 2), channels=2)],
    ids=["fsrcnn", "espcn"],
)
def test_tiles_and_valid_convolutions_give_the_whole_picture(module):
    margin, scale = module.margin, module.factor
    planes = np.random.default_rng(5).uniform(size=(23, 19, module.channels)).astype(np.float32)
    variables = random_variables(module, planes[None])
    whole = np.asarray(module.apply(variables, planes[None], replicate)[0])
    assert whole.shape == (23 * scale, 19 * scale, module.channels)
    # Seven tiles at edges and corners, one of them smaller than a margin; one inside.
    tiled = TiledNetwork(module, variables, side=7)(planes)
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)
    lost = margin * scale
    np.testing.assert_allclose(
        module.apply(variables, planes[None], valid)[0],
        whole[lost:-lost, lost:-lost],
        rtol=0,
        atol=1e-5,
    )


def test_fsrcnn_starts_as_published():
    params = runs.initialised(FSRCNN(), jax.random.key(0), jnp.zeros((1, 17, 17, 1)))["params"]
    # He's variance for a slope of 1/4, by the outputs that a value goes into.
    for name, fan_out in (("extraction", 25 * 56), ("mapping", 9 * 12), ("mapping4", 9 * 12)):
        deviation = (2 / (1 + 0.25**2) / fan_out) ** 0.5
        assert np.std(params[name]["kernel"]) == pytest.approx(deviation, rel=0.08)
    assert np.std(params["deconvolution"]["kernel"]) == pytest.approx(0.001, rel=0.05)
    for layer in params.values():
        np.testing.assert_array_equal(layer.get("bias", 0), 0)
        np.testing.assert_array_equal(layer.get("slope", 0.25), 0.25)


def test_a_network_for_one_scale_starts_one_for_another(tmp_path):
    variables = random_variables(FSRCNN_X3, np.zeros((1, 13, 13, 1), np.float32))
    network = network_card(FSRCNN_X3)
    facts = {"scale": 3, "color": "y", "degradation": "matlab-bicubic"}
    card = {"paper": "srcnn", "network": network, **facts}
    write_export(tmp_path / "x3", Export(card, {"model": variables}))
    settings = Settings({"weights": str(tmp_path / "x3"), "mix": "luma"})
    for module in (FSRCNN(scale=2, features=3, shrunk=2, mappings=1), FSRCNN_X3):
        params = starting_params(settings, module, scale=module.scale, strategy=STRATEGIES["y"])
        chex.assert_trees_all_equal(params, variables["params"])
    with pytest.raises(InputError, match="enlarges by 3, not by 2"):
        starting_params(settings, ESPCN(scale=2), scale=2, strategy=STRATEGIES["y"])


@pytest.mark.parametrize("rules", [("^(?!deconvolution)=0",), ("^deconvolution=1", ".=0")], ids=str)
def test_all_but_the_deconvolution_can_be_frozen(rules):
    """A trunk trained for one scale serves another, whose deconvolution alone is trained."""
    shapes = jax.eval_shape(FSRCNN_X3.init, jax.random.key(0), jnp.zeros((1, 13, 13, 1)))["params"]
    params = jax.tree.map(lambda s: np.ones(s.shape, np.float32), shapes)
    spec = OptimizerSpec("adam", 0.1, multipliers=parse_multipliers(rules))
    optimizer = make_optimizer(spec, params)
    updates, _ = optimizer.update(params, runs.initialised(optimizer, params), params)
    for name, layer in updates.items():
        for update in layer.values():
            if name == "deconvolution":
                np.testing.assert_allclose(update, -0.1, rtol=1e-5)
            else:
                np.testing.assert_array_equal(update, 0)
