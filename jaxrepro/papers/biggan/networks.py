"""From a config's model section, or a model card, to the two networks."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers.biggan.model import Discriminator, Generator


def networks_from_settings(
    model: Settings, *, num_classes: int, channels: int, num_groups: int
) -> tuple[Generator, Discriminator]:
    """Returns (generator, discriminator) as the config's section `model` describes them.

    num_groups: of examples with batch statistics of their own. Raises InputError for values
    that are not allowed or do not fit together.
    """
    shared: dict[str, Any] = {
        "resolution": model.resolution,
        "ch": model.at_least("ch", 1),
        "num_classes": num_classes,
        "channels": channels,
        "sn_epsilon": model.sn_epsilon,
        "kernel_init": model.kernel_init,
        "depth": model.depth,
        "kernel_size": model.kernel_size,
        "bn_epsilon": model.bn_epsilon,
        "bn_groups": num_groups,
        "dtype": getattr(jnp, model.one_of("dtype", ("float32", "bfloat16"))),
    }
    generator = Generator(
        **shared,
        dim_z=model.at_least("dim_z", 1),
        shared_dim=model.at_least("shared_dim", 0),
        hierarchical=model.hierarchical,
        attention=model.g_attention,
        upsampling=model.upsampling,
        norm=model.g_norm,
        dilation=model.g_dilation,
    )
    discriminator = Discriminator(
        **shared, attention=model.d_attention, norm=model.d_norm, dilation=model.d_dilation
    )
    if num_groups > 1 and (generator.norm, discriminator.norm) == ("weight", "none"):
        raise InputError(
            f"model.bn_groups={num_groups} has no effect: with model.g_norm='weight' and "
            "model.d_norm='none' there is no batch norm; choose bn_groups=1"
        )
    return generator, discriminator


def generator_from_card(fields: Mapping[str, Any]) -> Generator:
    """Returns the generator that `module_fields` described."""
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return Generator(**values)


def module_fields(module: Any) -> dict[str, Any]:
    """Returns a module's hyper-parameters as JSON; the dtype is not one: exports are float32."""
    skipped = ("parent", "name", "dtype")
    values = {f.name: getattr(module, f.name) for f in dataclasses.fields(module)}
    return {name: value for name, value in values.items() if name not in skipped}
