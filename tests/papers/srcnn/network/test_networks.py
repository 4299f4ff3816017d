"""Sizes of the networks, as published; their names, settings and cards."""

import json
import math

import jax
import jax.numpy as jnp
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn.network.borders import replicate
from jaxrepro.papers.srcnn.network.model import ESPCN, FSRCNN, SRCNN
from jaxrepro.papers.srcnn.network.networks import make_network, network_card, network_from_card
from jaxrepro.papers.srcnn.settings import kernels_and_widths, published


def sizes(module):
    """Returns the numbers of (kernel elements, biases, other parameters)."""
    side = 2 * module.margin + 1
    x = jnp.zeros((1, side, side, module.channels))
    params = jax.eval_shape(module.init, jax.random.key(0), x)["params"]
    num = {"kernel": 0, "bias": 0, "slope": 0}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        num[path[-1].key] += math.prod(leaf.shape)
    return tuple(num.values())


def output(module, height, width, *border):
    x = jnp.zeros((1, height, width, module.channels))
    variables = jax.eval_shape(module.init, jax.random.key(0), x)
    return jax.eval_shape(lambda v, x: module.apply(v, x, *border), variables, x).shape[1:]


def srcnn(arch, widths="", channels=1):
    return SRCNN(*kernels_and_widths(arch, widths), channels)


# Weights, weights and biases, margin, and the output's side for a patch of 33 pixels.
@pytest.mark.parametrize(
    ("arch", "widths", "weights", "parameters", "margin", "side"),
    [
        ("9-1-5", "", 8_032, 8_129, 6, 21),
        ("9-3-5", "", 24_416, 24_513, 7, 19),
        ("9-5-5", "", 57_184, 57_281, 8, 17),
        ("11-1-7", "", 11_360, 11_457, 8, 17),
        ("9-3-1", "", 23_648, 23_745, 5, 23),
        ("9-1-5", "128-64", 20_160, 20_353, 6, 21),
        ("9-1-5", "32-16", 3_504, 3_553, 6, 21),
        # Deeper ones, by hand.
        ("9-1-1-5", "", 5_184 + 2_048 + 512 + 400, 8_144 + 113, 6, 21),
        ("9-1-1-5", "64-32-32", 5_184 + 2_048 + 1_024 + 800, 9_056 + 129, 6, 21),
        ("9-3-1-5", "", 5_184 + 18_432 + 512 + 400, 24_528 + 113, 7, 19),
        ("9-5-1-5", "", 5_184 + 51_200 + 512 + 400, 57_296 + 113, 8, 17),
        ("9-1-1-1-5", "", 5_184 + 2_048 + 1_024 + 512 + 400, 9_168 + 145, 6, 21),
        ("9-3-3-5", "", 5_184 + 18_432 + 9_216 + 800, 33_632 + 129, 8, 17),
        ("9-3-3-3", "", 5_184 + 18_432 + 9_216 + 288, 33_120 + 129, 7, 19),
    ],
)
def test_srcnn_is_as_large_as_published(arch, widths, weights, parameters, margin, side):
    module = srcnn(arch, widths)
    kernels, biases, _ = sizes(module)
    assert (kernels, kernels + biases, module.margin) == (weights, parameters, margin)
    assert output(module, 33, 33) == (side, side, 1)


def test_srcnn_in_colour():
    assert sizes(srcnn("9-1-5", channels=3))[0] == 20_000
    assert output(srcnn("9-1-5", channels=3), 33, 33) == (21, 21, 3)


def test_fsrcnn_is_as_large_as_published():
    assert sizes(FSRCNN()) == (12_464, 56 + 12 + 4 * 12 + 56 + 1, 56 + 12 + 4 * 12 + 56)
    assert sizes(FSRCNN(features=32, shrunk=5, mappings=1))[0] == 3_937


@pytest.mark.parametrize(("scale", "weights"), [(2, 21_184), (3, 22_624), (4, 24_640)])
def test_espcn_is_as_large_as_published(scale, weights):
    assert sizes(ESPCN(scale=scale))[0] == weights
    # Luma needs a third of the last layer's filters.
    more = 32 * 9 * scale**2 * 2
    assert sizes(ESPCN(scale=scale, channels=3))[0] == weights + more + 2 * 64 * 25


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    "make",
    [
        lambda scale: FSRCNN(scale=scale, features=2, shrunk=2, mappings=2, channels=3),
        lambda scale: ESPCN(scale=scale, widths=(2, 2), channels=3),
    ],
    ids=["fsrcnn", "espcn"],
)
def test_networks_that_enlarge_give_scale_times_the_input(make, scale):
    module = make(scale)
    margin = module.margin
    assert module.factor == scale
    assert output(module, 31, 28) == (scale * (31 - 2 * margin), scale * (28 - 2 * margin), 3)
    assert output(module, 31, 28, replicate) == (scale * 31, scale * 28, 3)


def settings(name, **values):
    return Settings({"model": {"name": name, **values}}).model


def test_networks_come_from_settings_and_back_from_their_cards():
    made = [
        make_network(
            settings("srcnn", kernels=(9, 3, 1, 5), widths=(8, 4, 2), init="he"),
            channels=3,
            scale=3,
        ),
        make_network(
            settings("fsrcnn", features=32, shrunk=5, mappings=1, init="paper"),
            channels=1,
            scale=4,
        ),
        make_network(settings("espcn", kernels=(5, 3, 3), widths=(64, 32)), channels=3, scale=2),
    ]
    assert (made[0].kernels, made[0].widths, made[0].channels) == ((9, 3, 1, 5), (8, 4, 2), 3)
    assert made[1] == FSRCNN(scale=4, features=32, shrunk=5, mappings=1, channels=1)
    assert made[2] == ESPCN(scale=2, channels=3)
    for module in made:
        card = json.loads(json.dumps(network_card(module)))
        again = network_from_card(card)
        assert type(again) is type(module)
        assert network_card(again) == card
        assert sizes(again) == sizes(module)


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ({}, "network has name=None; this paper has srcnn, fsrcnn, espcn"),
        ({"name": "vdsr"}, "network has name='vdsr'; this paper has srcnn, fsrcnn, espcn"),
        ({"name": ["srcnn"]}, "this paper has srcnn, fsrcnn, espcn"),
        ({"name": "fsrcnn", "scale": 3, "channels": 1}, "network has features=None"),
        ({"name": "srcnn", "kernels": "9-1-5", "channels": 1}, "network has kernels='9-1-5'"),
        ({"name": "espcn", "scale": True}, "network has scale=True"),
        (["srcnn"], "network has name=None; this paper has srcnn"),
        (
            {"name": "srcnn", "kernels": [9, 5], "widths": [64, 32], "channels": 1},
            "card's kernels=.* a width is needed for every kernel but the last",
        ),
        ({"name": "srcnn", "kernels": [9, 4], "widths": [64], "channels": 1}, "sides are odd"),
    ],
)
def test_a_card_of_no_network_is_one_clear_error(card, message):
    with pytest.raises(InputError, match=message):
        network_from_card(card)


@pytest.mark.parametrize(
    ("values", "scale", "message"),
    [
        ({"name": "vdsr"}, 3, "model.name is 'vdsr'; allowed: 'srcnn', 'fsrcnn', 'espcn'"),
        (
            {"name": "fsrcnn", "features": 4, "shrunk": 2, "mappings": 1},
            12,
            "enlarges by 2 to 9, not by 12",
        ),
        (
            {"name": "srcnn", "kernels": (9, 1, 5), "widths": (64,), "init": "he"},
            3,
            "a width is needed for every kernel but the last",
        ),
        ({"name": "espcn", "kernels": (5, 4), "widths": (8,)}, 3, "sides are odd"),
    ],
)
def test_settings_of_no_network_are_one_clear_error(values, scale, message):
    with pytest.raises(InputError, match=message):
        make_network(settings(**values), channels=1, scale=scale)


def test_widths_are_those_of_the_paper_or_as_given():
    assert kernels_and_widths("9-5-5") == ((9, 5, 5), (64, 32))
    assert kernels_and_widths("9-1-1-5") == ((9, 1, 1, 5), (64, 32, 16))
    assert kernels_and_widths("9-1-1-1-5", "8-8-8-8") == ((9, 1, 1, 1, 5), (8, 8, 8, 8))
    assert published("9-3-3-5", widths="64-32-16").model.widths == (64, 32, 16)


@pytest.mark.parametrize(
    ("arch", "widths", "message"),
    [
        ("9-1-5", "64", "widths=64 are 1, but arch=9-1-5 needs 2: one for every kernel but"),
        ("9-1-5", "64-32-16", "widths=64-32-16 are 3, but arch=9-1-5 needs 2"),
        ("9-7-1-5", "", "the paper has no arch=9-7-1-5; .* such as arch=9-7-1-5,widths=64-32-32"),
        ("9x1x5", "", "arch='9x1x5' given; write the sides of the kernels, such as 9-1-5"),
        ("9-1-5", "64-", "widths='64-' given; write the numbers of filters, such as 64-32"),
    ],
)
def test_other_archs_and_widths_are_one_clear_error(arch, widths, message):
    with pytest.raises(InputError, match=message):
        kernels_and_widths(arch, widths)
