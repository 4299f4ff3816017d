"""Networks from a config, and generators from a model card."""

import json

import jax.numpy as jnp
import pytest

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.network.deep import DeepDiscriminator, DeepGenerator
from jaxrepro.papers.biggan.network.model import Discriminator, Generator
from jaxrepro.papers.biggan.network.networks import (
    generator_from_card,
    module_fields,
    networks_from_settings,
)
from jaxrepro.papers.biggan.settings import published, published_deep


def networks(config, **changes):
    config.model.update(changes)
    settings = Settings(config.model.to_dict())
    return networks_from_settings(settings, num_classes=10, channels=3, num_groups=2)


@pytest.mark.parametrize("resolution", [128, 256, 512])
def test_architectures_of_the_published_settings(resolution):
    g, d = networks(published(resolution), dtype="bfloat16")
    assert (type(g), type(d)) == (Generator, Discriminator)
    assert (g.ch, g.resolution, g.bn_groups, g.dtype) == (96, resolution, 2, jnp.bfloat16)
    g, d = networks(published_deep(resolution), depth=3)
    assert (type(g), type(d)) == (DeepGenerator, DeepDiscriminator)
    assert (g.ch, g.resolution, g.dim_z, g.depth, g.attention) == (128, resolution, 128, 3, (64,))
    assert (d.ch, d.resolution, d.num_classes, d.depth, d.attention) == (
        128,
        resolution,
        10,
        3,
        (64,),
    )


def test_learning_rates_of_the_deep_settings():
    optims = {side: published_deep(side).optim for side in (128, 256, 512)}
    rates = {side: (o.g.learning_rate, o.d.learning_rate) for side, o in optims.items()}
    assert rates == {128: (5e-5, 2e-4), 256: (2.5e-5, 2.5e-5), 512: (2.5e-5, 2.5e-5)}


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (published_deep(128), {"kernel_size": 5}, "kernel_size=5 of the generator: .*has 3 alone"),
        (published(128), {"architecture": "wide"}, "'wide'; allowed: 'biggan', 'deep'"),
        (published_deep(128), {"hierarchical": True}, "hierarchical=True: .* set it to False"),
        (published_deep(128), {"depth": 0}, "depth is 0; it must be at least 1"),
        (published_deep(128), {"shared_dim": 0}, "shared_dim=0"),
    ],
)
def test_settings_that_do_not_fit_are_explained(config, changes, message):
    with pytest.raises(InputError, match=message):
        networks(config, **changes)


@pytest.mark.parametrize("config", [published(128), published_deep(256)], ids=["biggan", "deep"])
def test_a_model_card_describes_the_generator(config):
    generator, _ = networks(config)
    card = json.loads(json.dumps(module_fields(generator)))
    assert card["architecture"] == config.model.architecture
    assert generator_from_card(card) == generator


def test_a_card_without_an_architecture_is_of_biggan():
    generator, _ = networks(published(128))
    card = module_fields(generator)
    del card["architecture"]
    assert generator_from_card(card) == generator
