"""From a config's model section, or a model card, to the two networks."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.cards import card_of, is_count, is_size, module_from_card
from jaxrepro.papers.biggan.network.deep import DeepDiscriminator, DeepGenerator
from jaxrepro.papers.biggan.network.model import Discriminator, Generator

AnyGenerator = Generator | DeepGenerator
AnyDiscriminator = Discriminator | DeepDiscriminator

_GENERATORS: dict[str, type[AnyGenerator]] = {"biggan": Generator, "deep": DeepGenerator}
_DISCRIMINATORS: dict[str, type[AnyDiscriminator]] = {
    "biggan": Discriminator,
    "deep": DeepDiscriminator,
}


def networks_from_settings(
    model: Settings, *, num_classes: int, channels: int, num_groups: int
) -> tuple[AnyGenerator, AnyDiscriminator]:
    """Returns (generator, discriminator) as the config's section `model` describes them.

    num_groups: of examples with batch statistics of their own. Raises InputError for values
    that are not allowed or do not fit together.
    """
    both: dict[str, Any] = {
        "resolution": model.resolution,
        "ch": model.at_least("ch", 1),
        "num_classes": num_classes,
        "channels": channels,
        "sn_epsilon": model.sn_epsilon,
        "kernel_init": model.kernel_init,
        "dtype": getattr(jnp, model.one_of("dtype", ("float32", "bfloat16"))),
        "remat": model.one_of("remat", (False, True)),
    }
    generator = both | {
        "dim_z": model.at_least("dim_z", 1),
        "shared_dim": model.at_least("shared_dim", 0),
        "attention": model.g_attention,
        "bn_epsilon": model.bn_epsilon,
        "bn_groups": num_groups,
    }
    discriminator = both | {"attention": model.d_attention}
    hierarchical, depth = model.hierarchical, model.at_least("depth", 1)
    # What the paper's appendix reports as not helping: of the architecture "biggan" alone.
    g_switches = {
        "upsampling": model.upsampling,
        "norm": model.g_norm,
        "dilation": model.g_dilation,
        "kernel_size": model.kernel_size,
    }
    d_switches = {
        "norm": model.d_norm,
        "dilation": model.d_dilation,
        "kernel_size": model.kernel_size,
    }
    if model.one_of("architecture", tuple(_GENERATORS)) == "deep":
        _check_deep(hierarchical, g_switches, d_switches)
        return DeepGenerator(**generator, depth=depth), DeepDiscriminator(
            **discriminator, depth=depth
        )
    if num_groups > 1 and (model.g_norm, model.d_norm) == ("weight", "none"):
        raise InputError(
            f"model.bn_groups={num_groups} has no effect: with model.g_norm='weight' and "
            "model.d_norm='none' there is no batch norm; choose bn_groups=1"
        )
    return (
        Generator(**generator, **g_switches, hierarchical=hierarchical, depth=depth),
        Discriminator(
            **discriminator,
            **d_switches,
            depth=depth,
            bn_epsilon=model.bn_epsilon,
            bn_groups=num_groups,
        ),
    )


def _check_deep(
    hierarchical: bool, g_switches: Mapping[str, Any], d_switches: Mapping[str, Any]
) -> None:
    """Raises InputError for a setting that BigGAN-deep does not have."""
    if hierarchical:
        raise InputError(
            "model.hierarchical=True: in the architecture 'deep' all of z enters every "
            "block; set it to False"
        )
    for kind, switches in ((Generator, g_switches), (Discriminator, d_switches)):
        for name, value in switches.items():
            if value != getattr(kind, name):
                raise InputError(
                    f"{name}={value!r} of the {kind.__name__.lower()}: the architecture 'deep' "
                    f"has {getattr(kind, name)!r} alone; set that, or model.architecture='biggan'"
                )


def module_fields(module: AnyGenerator | AnyDiscriminator) -> dict[str, Any]:
    """Returns a network's architecture and hyper-parameters as JSON."""
    kinds = _GENERATORS if isinstance(module, AnyGenerator) else _DISCRIMINATORS
    return card_of(module, kinds, tag="architecture")


def generator_from_card(card: Any) -> AnyGenerator:
    """Returns the generator that `module_fields` described; InputError if there is no such."""
    return module_from_card(
        card,
        _GENERATORS,
        what="generator",
        tag="architecture",
        limits={"depth": is_count, "shared_dim": lambda n: is_size(n, least=0)},
        # Cards written before there were two architectures name none, and lack later settings.
        default="biggan",
        complete=False,
    )
