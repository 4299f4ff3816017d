"""From a config's model section, or a model card, to the two networks."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.model_cards import is_count, is_size
from jaxrepro.nn.gated_convolution import NORMS
from jaxrepro.nn.gated_deconvolution import GATES
from jaxrepro.papers.scfegan.coarse_to_fine import CoarseToFine
from jaxrepro.papers.scfegan.discriminator import Discriminator
from jaxrepro.papers.scfegan.generator import WIDTHS, Generator
from jaxrepro.papers.scfegan.presets import discriminator_sizes, generator_sizes

_FEWEST_HALVINGS = 3
_ARCHITECTURES: Mapping[str, type[Generator]] = {
    "unet": Generator,
    "coarse_to_fine": CoarseToFine,
}


def networks_from_settings(model: Settings, *, resolution: int) -> tuple[Generator, Discriminator]:
    """Returns (generator, discriminator) as the config's section `model` describes them.

    resolution: pixels a side of the pictures; it says how deep the networks are. Raises InputError
    for values that are not allowed.
    """
    both: dict[str, Any] = {
        "dtype": getattr(jnp, model.one_of("dtype", ("float32", "bfloat16"))),
    }
    architecture = model.one_of("architecture", tuple(_ARCHITECTURES))
    generator = _ARCHITECTURES[architecture](
        width=model.at_least("width", 1),
        deconvolution_gate=model.one_of("deconvolution_gate", GATES),
        norm=model.one_of("norm", tuple(NORMS)),
        remat=model.one_of("remat", (False, True)),
        **generator_sizes(resolution),
        **both,
    )
    discriminator = Discriminator(
        width=model.at_least("discriminator_width", 1),
        last_activation=model.one_of("discriminator_last_activation", (False, True)),
        **discriminator_sizes(resolution),
        **both,
    )
    return generator, discriminator


def generator_card(module: Generator) -> dict[str, Any]:
    """Returns, as JSON, what `generator_from_card` makes the same generator of.

    How it was computed, its dtype and rematerialisation, is no part of it.
    """
    (architecture,) = (name for name, kind in _ARCHITECTURES.items() if type(module) is kind)
    return {
        "architecture": architecture,
        "width": module.width,
        "halvings": module.halvings,
        "dilations": list(module.dilations),
        "deconvolution_gate": module.deconvolution_gate,
        "norm": module.norm,
    }


def generator_from_card(card: Any) -> Generator:
    """Returns the generator that `generator_card` described; raises InputError if there is none."""
    fields = dict(card) if isinstance(card, Mapping) else {}
    checks = {
        "architecture": lambda name: isinstance(name, str) and name in _ARCHITECTURES,
        "width": is_size,
        "halvings": lambda n: is_size(n) and _FEWEST_HALVINGS <= n <= len(WIDTHS),
        "dilations": lambda rates: _is_dilations(rates),
        "deconvolution_gate": lambda gate: gate in GATES,
        "norm": lambda norm: isinstance(norm, str) and norm in NORMS,
    }
    if strange := sorted(map(str, set(fields) ^ set(checks))):
        raise InputError(f"the model card's generator lacks or has too many of {strange}")
    for name, is_right in checks.items():
        if not is_right(fields[name]):
            raise InputError(f"the model card's generator has {name}={fields[name]!r}")
    kind = _ARCHITECTURES[fields.pop("architecture")]
    return kind(**{**fields, "dilations": tuple(fields["dilations"])})


def _is_dilations(rates: Any) -> bool:
    return isinstance(rates, list) and is_count(len(rates)) and all(map(is_size, rates))
