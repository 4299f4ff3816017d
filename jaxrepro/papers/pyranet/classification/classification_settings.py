"""The settings of the configs that classify images."""

from typing import Any

from jaxrepro.core.errors import InputError
from jaxrepro.tasks.classification.settings import shared_sections

VARIANTS = ("paper", "small", "demo", "test")
NETS = ("wrn", "resnext")
PRMS = ("none", "A", "B", "C", "D")

# Updates of a pass over CIFAR-10's 50,000 images, 128 at a time, the last batch part of the next.
_EPOCH = 391
# By network: passes, after how many the rate drops, to what part. arXiv 1605.07146, section 3, and
# arXiv 1611.05431, section 5.3.
_SCHEDULES = {"wrn": (200, (60, 120, 160), 0.2), "resnext": (300, (150, 225), 0.1)}
# Updates of "small": ten passes over 25,000 images.
SMALL_STEPS = 1950


def published_classifier(net: str = "wrn", prm: str = "B") -> Any:
    """Returns the published settings of a classifier, for CIFAR-10.

    net: one of NETS; prm: one of PRMS. Raises InputError for another.
    """
    for name, value, allowed in (("net", net, NETS), ("prm", prm, PRMS)):
        if value not in allowed:
            raise InputError(f"setting {name}={value}; allowed: {', '.join(allowed)}")
    epochs, drops, factor = _SCHEDULES[net]
    config = shared_sections("pyranet", total_steps=_EPOCH * epochs, every=5 * _EPOCH)
    sizes = (
        {"name": "wide_resnet", "depth": 28, "width": 10.0}
        if net == "wrn"
        else {"name": "resnext", "depth": 29, "groups": 8, "group_width": 64}
    )
    # size: "added" puts pyramids into the network of that width; "equal" makes it narrower, until
    # it has as many parameters as without them.
    config.model.update(
        {
            **sizes,
            "block": "res" if prm == "none" else prm,
            "size": "added",
            "base_width": 4,
            "cardinality": 4,
            "pooling": "fractional",
            "normalize_levels": False,
        }
    )
    config.optim.update(
        schedule="drops",
        decay_factor=factor,
        drop_steps=tuple(_EPOCH * epoch for epoch in drops),
    )
    return config


def resize(config: Any, depth: int, width: float) -> None:
    """Changes `config` to that depth and width; 0 leaves one as it is.

    width: of a wide ResNet its widening factor, of a ResNeXt the channels of a group.
    """
    if depth:
        config.model.depth = depth
    if width and "width" in config.model:
        config.model.width = float(width)
    elif width:
        if width != int(width):
            raise InputError(f"setting width={width}: the channels of a group are a whole number")
        config.model.group_width = int(width)


def reduce_to_small(config: Any) -> None:
    """Changes `config` to a network and a training for minutes on CPU.

    The rate falls along a cosine: steps need more passes. In a wide ResNet pyramids take the place
    of other parameters; in so narrow a ResNeXt they are most of them, and are added.
    """
    if "width" in config.model:
        resize(config, 16, 1)
        config.model.size = "equal"
    else:
        resize(config, 20, 8)
    config.optim.update(schedule="cosine", decay_factor=1.0, drop_steps=())
    config.train.total_steps = SMALL_STEPS
    config.eval.every = SMALL_STEPS // 4
    config.checkpoint.every = SMALL_STEPS // 4


def reduce_to_demo(config: Any) -> None:
    """Changes `config` to 8-pixel handwritten digits enlarged to 16, learned in a minute or two."""
    reduce_to_small(config)
    config.data.update(source="digits", size=16, pad=1, flip=False, normalization="half")
    config.train.total_steps = 300
    config.eval.update(every=100, batch_size=120)
    config.checkpoint.every = 100
    config.log.every = 20


def reduce_to_test(config: Any) -> None:
    """Changes `config` to 2 updates of a tiny network: whether it runs, not what it learns."""
    reduce_to_demo(config)
    resize(config, *((10, 0.5) if "width" in config.model else (11, 4)))
    config.data.size = 8
    config.model.update(size="added", base_width=8, cardinality=1)
    config.train.update(total_steps=2, batch_size=8)
    config.eval.update(every=2, batch_size=360)
    config.checkpoint.every = 1
    config.log.every = 1
