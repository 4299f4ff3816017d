"""Networks by name: from settings, and from the card of a trained model."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.cards import card_of, is_count, module_from_card
from jaxrepro.papers.srcnn.network.model import (
    ESPCN,
    FSRCNN,
    KEEP_GRADIENTS,
    KEEP_MAPS,
    LARGEST_SCALE,
    SRCNN,
)

_NETWORKS: Mapping[str, Any] = {"srcnn": SRCNN, "fsrcnn": FSRCNN, "espcn": ESPCN}
# Those that the published rates go with; "he" is a choice for Adam.
_INITIALIZERS = {
    # The standard deviation of the authors' training files.
    "srcnn": {"paper": nn.initializers.normal(0.001), "he": nn.initializers.he_normal()},
    # Of He's two forms, the one with which SGD did not diverge here.
    "fsrcnn": {"paper": KEEP_GRADIENTS, "he": KEEP_MAPS},
}


def make_network(settings: Settings, *, channels: int, scale: int) -> Any:
    """Returns the network that the section `model` of a config describes.

    Raises InputError for an unknown name, for kernels that are not odd or do not go with the
    widths, and for a scale that the network cannot make.
    """
    name = settings.one_of("name", tuple(_NETWORKS))
    if name == "fsrcnn":
        if scale > LARGEST_SCALE:
            raise InputError(f"fsrcnn enlarges by 2 to {LARGEST_SCALE}, not by {scale}")
        return FSRCNN(
            scale=scale,
            features=settings.at_least("features", 1),
            shrunk=settings.at_least("shrunk", 1),
            mappings=settings.at_least("mappings", 1),
            channels=channels,
            kernel_init=_initializer(settings, name),
        )
    kernels, widths = _kernels_and_widths(settings)
    if name == "espcn":
        return ESPCN(scale=scale, kernels=kernels, widths=widths, channels=channels)
    return SRCNN(
        kernels=kernels,
        widths=widths,
        channels=channels,
        kernel_init=_initializer(settings, name),
    )


def network_card(module: Any) -> Mapping[str, Any]:
    """Returns, as JSON, what `network_from_card` makes the same network of."""
    return card_of(module, _NETWORKS)


def network_from_card(card: Any) -> Any:
    """Returns the network that `network_card` described; raises InputError if there is no such."""
    module = module_from_card(card, _NETWORKS, what="network", limits={"mappings": is_count})
    if not isinstance(module, FSRCNN):
        _check_layers(module.kernels, module.widths, "the model card's ")
    return module


def _initializer(settings: Settings, name: str) -> Any:
    return _INITIALIZERS[name][settings.one_of("init", tuple(_INITIALIZERS[name]))]


def _kernels_and_widths(settings: Settings) -> tuple[tuple[int, ...], tuple[int, ...]]:
    kernels, widths = tuple(settings.kernels), tuple(settings.widths)
    _check_layers(kernels, widths, "model.")
    return kernels, widths


def _check_layers(kernels: tuple[int, ...], widths: tuple[int, ...], whose: str) -> None:
    given = f"{whose}kernels={kernels} and {whose}widths={widths} given"
    if len(kernels) != len(widths) + 1 or len(kernels) < 2:
        raise InputError(f"{given}; a width is needed for every kernel but the last")
    if any(side < 1 or side % 2 == 0 for side in kernels) or min(widths) < 1:
        raise InputError(f"{given}; sides are odd, widths positive")
