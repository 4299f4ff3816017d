"""Cards of networks: what is written, and what of a card from anywhere is refused."""

import json
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
import pytest

from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.cards import LARGEST_SIZE, card_of, is_count, module_from_card


class Layers(nn.Module):
    width: int
    widths: tuple[int, ...] = (4, 2)
    rate: float = 0.5
    bottleneck: int | None = None
    norm: str = "batch"
    bias: bool = True
    depth: int = 1
    init: Callable[..., jnp.ndarray] = nn.initializers.zeros
    dtype: jnp.dtype = jnp.float32
    remat: bool = False


KINDS = {"layers": Layers, "dense": nn.Dense}


def read(card, **choices):
    limits = {"depth": is_count, "norm": ("batch", "none").__contains__}
    return module_from_card(card, KINDS, what="network", limits=limits, **choices)


def test_a_card_makes_the_network_again():
    module = Layers(3, (), bottleneck=2, norm="none", rate=1)
    card = card_of(module, KINDS)
    assert set(card) == {
        *("name", "width", "widths", "rate", "bottleneck", "norm", "bias", "depth")
    }
    assert read(json.loads(json.dumps(card))) == module
    computed = Layers(3, dtype=jnp.bfloat16, remat=True)
    assert read(card_of(computed, KINDS)) == Layers(3)


def test_cards_of_earlier_versions_may_lack_what_has_a_default():
    assert read({"width": 3}, complete=False, default="layers") == Layers(3)
    with pytest.raises(InputError, match="network has widths=None"):
        read({"name": "layers", "width": 3})
    with pytest.raises(InputError, match="network has width=None"):
        read({"name": "layers"}, complete=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "conv"}, "network has name='conv'; this paper has layers, dense$"),
        ({"name": ["layers"]}, r"network has name=\['layers'\]"),
        ({"width": 0}, "width=0"),
        ({"width": True}, "width=True"),
        ({"width": LARGEST_SIZE + 1}, "width=32769"),
        ({"width": None}, "width=None"),
        ({"widths": [4, "2"]}, r"widths=\[4, '2'\]"),
        ({"widths": 4}, "widths=4"),
        ({"rate": float("nan")}, "rate=nan"),
        ({"bottleneck": 1.5}, "bottleneck=1.5"),
        ({"norm": ["batch"]}, r"norm=\['batch'\]"),
        ({"norm": "layer"}, "norm='layer'"),
        ({"bias": 1}, "bias=1"),
        ({"depth": 65}, "depth=65"),
        ({"remat": True}, "has 'remat'; there is no such setting"),
    ],
)
def test_what_makes_no_network_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        read(card_of(Layers(3), KINDS) | changes)


def test_a_card_is_an_object():
    for card in (None, [], "layers"):
        with pytest.raises(InputError, match="network has name=None; this paper has"):
            read(card)
