"""The changes to the networks that the paper's appendix reports as not helping, as switches.

Each takes a network's settings and returns a maker of layers. By default the networks are those
of the paper. The appendix names the changes and gives hardly any details: what is chosen here
is said at each. (BigGAN, arXiv 1809.11096, the appendix on negative results.)

kernel_size, dilation: of all 3x3 convolutions of the network, those to and from the image
included. upsampling: of the generator's blocks and their shortcuts. depth: blocks of each size;
see `Generator` and `Discriminator`.
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn

from jaxrepro.core.errors import InputError
from jaxrepro.nn.forms.resampling import UPSAMPLINGS
from jaxrepro.nn.initializers import kernel_initializer
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.nn.norms.cond_norm import (
    ConditionalBatchNormRelu,
    ConditionalScaleRelu,
    PlainLinear,
)
from jaxrepro.nn.norms.simple_norms import WeightNormConv
from jaxrepro.papers.biggan.network.class_conditional import (
    conditional_linear,
    conditional_norm,
    spectral_conv,
)

_GENERATOR_CHOICES: dict[str, tuple[Any, ...]] = {
    "upsampling": tuple(UPSAMPLINGS),
    "norm": ("batch", "weight"),
    "kernel_size": (3, 5, 7),
    "dilation": (1, 2),
}
_DISCRIMINATOR_CHOICES: dict[str, tuple[Any, ...]] = {
    "norm": ("none", "batch", "conditional_batch"),
    "kernel_size": (3, 5, 7),
    "dilation": (1, 2),
}


def check_generator(module: Any) -> None:
    """Raises InputError unless the switches of a generator are allowed and fit together."""
    _check("generator", module, _GENERATOR_CHOICES)


def check_discriminator(module: Any) -> None:
    """Raises InputError unless the switches of a discriminator are allowed and fit together."""
    _check("discriminator", module, _DISCRIMINATOR_CHOICES)


def _check(network: str, module: Any, choices: dict[str, tuple[Any, ...]]) -> None:
    for name, allowed in choices.items():
        value = getattr(module, name)
        if value not in allowed:
            raise InputError(
                f"{name}={value!r} of the {network}: choose one of {', '.join(map(str, allowed))}"
            )
    if module.depth < 1:
        raise InputError(f"depth={module.depth} of the {network}: it must be at least 1")
    if module.dilation != 1 and module.kernel_size != 3:
        raise InputError(
            f"dilation={module.dilation} of the {network} is of 3x3 convolutions and does not go "
            f"with kernel_size={module.kernel_size}: choose dilation 1 or kernel_size 3"
        )


def generator_conv(module: Any) -> Callable[..., nn.Module]:
    """Returns the maker of a generator's convolutions.

    norm "batch": spectrally normalised, as published. norm "weight": weight-normalised instead,
    attention's and the output's included; linear layers stay spectrally normalised.
    """
    if module.norm == "batch":
        return spectral_conv(module)
    init = kernel_initializer(module.kernel_init)
    return functools.partial(WeightNormConv, kernel_init=init, dtype=module.dtype)


def generator_norm(module: Any) -> Callable[..., nn.Module]:
    """Returns the maker of a generator's conditional norms.

    norm "batch": batch norm. norm "weight": no activation is normalised. Class and latent chunk
    enter by the same linear maps at the same places: gain 1 + L_g(c) and bias L_b(c) are
    applied to the map as it is. The output norm becomes a learned gain and bias. The paper gives
    no detail of its weight normalisation; this is our reading.
    """
    if module.norm == "batch":
        return conditional_norm(module)
    return functools.partial(ConditionalScaleRelu, linear=conditional_linear(module))


def discriminator_norm(module: Any) -> Callable[..., nn.Module] | None:
    """Returns the maker of what replaces each ReLU of a discriminator; None keeps the ReLUs.

    norm "batch": batch norm with a learned gain and bias, then the ReLU. "conditional_batch":
    gain 1 + G[y] and bias B[y] from two tables of one row for each class, without spectral norm.
    """
    moments = {
        "epsilon": module.bn_epsilon,
        "momentum": module.bn_momentum,
        "num_groups": module.bn_groups,
    }
    if module.norm == "none":
        return None
    if module.norm == "batch":
        return functools.partial(BatchNormRelu, **moments)
    table = functools.partial(PlainLinear, kernel_init=kernel_initializer(module.kernel_init))
    return functools.partial(ConditionalBatchNormRelu, linear=table, **moments)
