"""From a config's model section, or a model card, to the two networks."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.model_cards import is_count, is_size
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


def generator_from_card(fields: Mapping[str, Any]) -> AnyGenerator:
    """Returns the generator that `module_fields` described; InputError if there is no such."""
    if not isinstance(fields, Mapping):
        raise InputError(f"the model card's generator is {fields!r}, no object of settings")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    # Cards written before there were two architectures name none.
    architecture = values.pop("architecture", "biggan")
    if not isinstance(architecture, str) or architecture not in _GENERATORS:
        raise InputError(
            f"the model card's generator has architecture={architecture!r}; there are "
            f"{', '.join(_GENERATORS)}"
        )
    kind = _GENERATORS[architecture]
    known = {f.name: f for f in dataclasses.fields(kind) if f.name not in _NOT_ON_CARDS}
    needed = {name for name, f in known.items() if f.default is dataclasses.MISSING}
    if strange := sorted(values.keys() - known.keys()) or sorted(needed - values.keys()):
        raise InputError(
            f"the model card's generator lacks {strange[0]!r}, or there is no such setting"
        )
    for name, value in values.items():
        if not _CARD_VALUES[known[name].type](name, value):
            raise InputError(f"the model card's generator has {name}={value!r}")
    return kind(**values)


def _is_whole(name: str, value: Any) -> bool:
    return is_count(value) if name == "depth" else is_size(value, least=0)


def _is_number(name: str, value: Any) -> bool:
    del name
    return type(value) in (int, float) and math.isfinite(value)


# By the type of a module's field: whether a card's value can be one.
_CARD_VALUES: Mapping[Any, Callable[[str, Any], bool]] = {
    int: _is_whole,
    int | None: lambda name, value: value is None or _is_whole(name, value),
    float: _is_number,
    float | None: lambda name, value: value is None or _is_number(name, value),
    bool: lambda name, value: isinstance(value, bool),
    str: lambda name, value: isinstance(value, str),
    tuple[int, ...]: lambda name, value: isinstance(value, tuple) and all(map(is_size, value)),
}
# How it was computed is not on a card: the dtype (exports are float32), and rematerialisation.
_NOT_ON_CARDS = ("parent", "name", "dtype", "remat")


def module_fields(module: AnyGenerator | AnyDiscriminator) -> dict[str, Any]:
    """Returns a network's architecture and hyper-parameters as JSON."""
    kinds = [*_GENERATORS.items(), *_DISCRIMINATORS.items()]
    (architecture,) = (name for name, kind in kinds if type(module) is kind)
    values = {f.name: getattr(module, f.name) for f in dataclasses.fields(module)}
    return {"architecture": architecture} | {
        k: v for k, v in values.items() if k not in _NOT_ON_CARDS
    }
