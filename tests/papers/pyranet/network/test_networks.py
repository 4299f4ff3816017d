"""PyraNet's sizes beside those of its code; networks from settings and cards."""

import json
import math

import jax
import jax.numpy as jnp
import pytest

from jaxrepro.core.analysis import flops
from jaxrepro.core.config import Settings
from jaxrepro.core.devices import platform
from jaxrepro.core.errors import InputError
from jaxrepro.nn.blocks.hourglass import Place
from jaxrepro.nn.blocks.preactivation import PreactivationBottleneck
from jaxrepro.nn.forms.biased_convolution import uniform_by_fan_in
from jaxrepro.papers.pyranet.network.networks import make_network, network_card, network_from_card
from jaxrepro.papers.pyranet.network.pyramid_residual import PyramidBlocks, PyramidResidual

MODEL = {
    "name": "pyranet",
    "num_stacks": 2,
    "features": 256,
    "num_blocks": 1,
    "depth": 4,
    "init": "branch_paper",
    "score_init": "same",
    "dtype": "float32",
    "block": "B",
    "base_width": 9,
    "cardinality": 4,
    "pooling": "fractional",
    "normalize_levels": False,
    "fix_variance": True,
}
HOURGLASS = {
    k: MODEL[k]
    for k in ("num_stacks", "features", "num_blocks", "depth", "init", "score_init", "dtype")
}


def network(**values):
    return make_network(Settings(MODEL | values), num_joints=16)


def shapes(module, side=256):
    x = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    return jax.eval_shape(lambda k, x: module.init(k, x, train=False), key, x)


def num_parameters(variables):
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def traced(module):
    """Returns (shapes of the variables, count of one forward pass), from one trace of both."""
    x = jax.ShapeDtypeStruct((1, 256, 256, 3), jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    with platform.traced_for_accelerators():
        jaxpr, (_, variables) = jax.make_jaxpr(
            lambda key, x: module.init_with_output(key, x, train=False), return_shape=True
        )(key, x)
    count = flops.count_jaxpr(jaxpr.jaxpr)
    assert not count.counted_once
    return variables, count


# Millions of parameters and, with the padding's, 10^9 multiplications of two stacks at 256 pixels.
@pytest.mark.parametrize(
    ("block", "millions", "multiplications"),
    [
        ("res", 6.673, 6.77),
        ("A", 7.633, 7.77),
        ("B", 7.286, 7.32),
        ("C", 7.456, 7.59),
        ("D", 7.286, 7.72),
    ],
)
def test_sizes_of_the_blocks(block, millions, multiplications, monkeypatch):
    monkeypatch.setattr(flops, "meeting_pairs", lambda size, taps, outputs, **_: taps * outputs)
    variables, count = traced(network(block=block))
    assert num_parameters(variables) / 1e6 == pytest.approx(millions, abs=0.0006)
    assert count.contractions / 2e9 == pytest.approx(multiplications, abs=0.006)


def test_sizes_of_eight_stacks():
    """Each stack after the first adds the same; the last lacks the way back into the features."""
    for values, millions in (({}, 28.132), ({"block": "res"}, 25.844)):
        one, two = (num_parameters(shapes(network(num_stacks=n, **values))) for n in (1, 2))
        assert (one + 7 * (two - one)) / 1e6 == pytest.approx(millions, abs=0.0006)


def test_sizes_without_the_variance_fix_and_with_wider_levels():
    plain = shapes(network(block="res", fix_variance=False))
    assert num_parameters(plain) / 1e6 == pytest.approx(6.143, abs=0.0006)
    wide = shapes(network(base_width=6))
    assert num_parameters(wide) / 1e6 == pytest.approx(7.916, abs=0.0006)


def test_where_the_pyramids_are():
    blocks = PyramidBlocks()

    def made(part, level):
        return blocks(Place(part, level), 8, start=uniform_by_fan_in, name="block")

    pyramids = [("stem", i) for i in (1, 2, 3)] + [("skip", i) for i in (2, 3, 4)]
    pyramids += [(part, level) for part in ("encoder", "decoder") for level in (3, 4)]
    residuals = [
        ("skip", 1),
        ("bottom", 1),
        *((p, i) for p in ("encoder", "decoder") for i in (1, 2)),
    ]
    for places, kind in ((pyramids, PyramidResidual), (residuals, PreactivationBottleneck)):
        for part, level in places:
            block = made(part, level)
            assert type(block) is kind
            assert block.preactivate == ((part, level) != ("stem", 1))
            assert block.always_project == (part == "decoder")


@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        MODEL | {"block": "res", "fix_variance": False},
        MODEL | {"block": "C", "pooling": "bilinear", "normalize_levels": True},
        HOURGLASS | {"name": "hourglass"},
    ],
    ids=["B", "res", "C", "hourglass"],
)
def test_the_card_makes_the_same_network(model):
    small = {"num_stacks": 1, "features": 16, "depth": 2}
    settings = Settings(model | small | ({"base_width": 5} if "block" in model else {}))
    module = make_network(settings, num_joints=3)
    settings.check_all_read()
    card = json.loads(json.dumps(network_card(module)))
    again = network_from_card(card)
    assert network_card(again) == card
    variables = [jax.tree.map(lambda x: x.shape, shapes(m, 16)) for m in (module, again)]
    assert variables[0] == variables[1]


def test_errors():
    with pytest.raises(InputError, match="features=20: give a multiple of 8"):
        network(features=20)
    with pytest.raises(InputError, match=r"base_width=9: with model.features=16 at most 8"):
        network(features=16)
    with pytest.raises(InputError, match="init is 'seed'; allowed: 'torch', 'xavier'"):
        network(init="seed")
    card = dict(network_card(network()))
    for changed, message in (
        ({"name": "net"}, "network is 'net'; this paper has hourglass, pyranet"),
        ({"num_stacks": 0}, "num_stacks=0"),
        ({"pyramid": {"variant": "B"}}, "pyramid="),
        ({"pyramid": dict(card["pyramid"]) | {"variant": "E"}}, "'variant': 'E'"),
        ({"fix_variance": None}, "fix_variance=None"),
        ({"name": "hourglass"}, "wide_stem=None"),
    ):
        with pytest.raises(InputError, match=message):
            network_from_card(card | changed)
