"""Networks by name: from settings, and from the card of a trained model."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers.srcnn.model import SRCNN

# Standard deviations of the authors' training files; "he" is a choice for Adam.
_INITIALIZERS = {
    "paper": nn.initializers.normal(0.001),
    "he": nn.initializers.he_normal(),
}


def make_network(settings: Settings, *, channels: int, scale: int) -> Any:
    """Returns the network that the section `model` of a config describes.

    Raises InputError for kernels that are not odd or do not go with the widths.
    """
    settings.one_of("name", ("srcnn",))
    kernels, widths = tuple(settings.kernels), tuple(settings.widths)
    if len(kernels) != len(widths) + 1 or len(kernels) < 2:
        raise InputError(
            f"model.kernels={kernels} and model.widths={widths} given; a width is needed for every "
            "kernel but the last"
        )
    if any(side < 1 or side % 2 == 0 for side in kernels) or min(widths) < 1:
        raise InputError(
            f"model.kernels={kernels}, model.widths={widths}: sides are odd, widths positive"
        )
    return SRCNN(
        kernels=kernels,
        widths=widths,
        channels=channels,
        kernel_init=_INITIALIZERS[settings.one_of("init", tuple(_INITIALIZERS))],
    )


def network_card(module: Any) -> Mapping[str, Any]:
    """Returns, as JSON, what `network_from_card` makes the same network of."""
    return {
        "name": "srcnn",
        "kernels": list(module.kernels),
        "widths": list(module.widths),
        "channels": module.channels,
    }


def network_from_card(card: Mapping[str, Any]) -> Any:
    """Returns the network that `network_card` described; raises InputError if there is no such."""
    try:
        if card["name"] != "srcnn":
            raise ValueError(f"unknown network {card['name']!r}")
        return SRCNN(tuple(card["kernels"]), tuple(card["widths"]), card["channels"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the model card describes no network of this paper: {error}") from error
