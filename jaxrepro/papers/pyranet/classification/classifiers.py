"""Image classifiers with pyramids, and pairs of networks with equally many parameters.

Section 4.4 of the PyraNet paper, whose code of it was not released.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn

from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.nn.classifiers.resnext import ResNeXt
from jaxrepro.nn.classifiers.wide_resnet import WideResNet
from jaxrepro.nn.forms.biased_convolution import Start
from jaxrepro.papers.pyranet.network.networks import pyramid_from_card, pyramid_from_settings
from jaxrepro.papers.pyranet.network.pyramid import Pyramid, PyramidSettings
from jaxrepro.tasks.classification import networks
from jaxrepro.tasks.classification.networks import WIDTH_STEP, num_parameters

# Networks with a place for a branch in every block.
Classifier = WideResNet | ResNeXt

# What pyramids do to the number of parameters: add to it, or take the place of others.
SIZES = ("added", "equal")
# Networks whose parameters differ by more than this share are not called equal.
_EQUAL = 0.02


@dataclasses.dataclass(frozen=True)
class PyramidBranch:
    """A `small_images.MakeBranch`: a pyramid beside the convolutions of a block.

    In a ResNeXt it stands beside all three: in the paper's table it adds as many parameters to a
    network of any groups, and with a base width and cardinality of 4 as many as so.
    """

    pyramid: PyramidSettings

    def __call__(self, features: int, *, stride: int, start: Start) -> nn.Module:
        """Returns the pyramid."""
        return Pyramid(
            features,
            features,
            self.pyramid,
            preactivate=False,
            stride=stride,
            start=start,
            name="pyramid",
        )


def pyramid_of(module: Classifier) -> PyramidSettings | None:
    """Returns the pyramids of a network's blocks, None for a plain network."""
    return module.beside.pyramid if isinstance(module.beside, PyramidBranch) else None


def make_classifier(settings: Settings, *, num_classes: int) -> Classifier:
    """Returns the network that the section `model` of a config describes.

    size "added" puts the pyramids into the network of that width; "equal" makes it narrower, see
    `with_equal_parameters`. Raises InputError for values that are not allowed.
    """
    plain = networks.make_classifier(settings, num_classes=num_classes)
    assert isinstance(plain, Classifier)
    pyramid = pyramid_from_settings(settings)
    size = settings.one_of("size", SIZES)
    if pyramid is None:
        return plain
    narrowest = plain.group_features[0]
    if pyramid.level_width(narrowest) < 1:
        raise InputError(
            f"model.base_width={pyramid.base_width}: with blocks of {narrowest} channels at most "
            f"{narrowest}, or the pyramids' levels have no channels"
        )
    module = plain.clone(beside=PyramidBranch(pyramid))
    return with_equal_parameters(module) if size == "equal" else module


def with_equal_parameters(module: Classifier) -> Classifier:
    """Returns `module`, narrower, with about as many parameters as it has without its pyramids.

    A wide ResNet is narrowed by 1/64 of its unit at a time, a ResNeXt by a channel of each group;
    the closest is taken. Raises InputError if even that one differs by more than 2 %.
    """
    wanted = num_parameters(module.clone(beside=None))
    makers = _narrower(module)

    def excess(i: int) -> int:
        return num_parameters(makers[i]()) - wanted

    last = len(makers) - 1
    # Parameters grow about as the square of a width: a place to begin. Counting takes a while.
    place = round(last * (wanted / (wanted + excess(last))) ** 0.5)
    step = -1 if excess(place) > 0 else 1
    while 0 <= place + step <= last and abs(excess(place + step)) < abs(excess(place)):
        place += step
    closest = makers[place]()
    found = num_parameters(closest)
    if abs(found - wanted) > _EQUAL * wanted:
        raise InputError(
            f"no width gives pyramids and {wanted:,} parameters, as without them: the closest has "
            f"{found:,}; make the network wider, or set model.size=added"
        )
    return closest


def _narrower(module: Classifier) -> list[Callable[[], Classifier]]:
    """Returns makers of the networks of all smaller widths, ascending, and of `module` itself."""
    if isinstance(module, WideResNet):
        pyramid = pyramid_of(module)
        assert pyramid is not None
        # Levels have a channel at least.
        first = math.ceil(4 * pyramid.base_width + 1)
        count = round(module.width / WIDTH_STEP)
        return [
            functools.partial(module.clone, width=k * WIDTH_STEP)
            for k in range(min(first, count), count + 1)
        ]
    return [functools.partial(module.clone, group_width=k + 1) for k in range(module.group_width)]


def classifier_card(module: Classifier) -> Mapping[str, Any]:
    """Returns, as JSON, what `classifier_from_card` makes the same network of."""
    pyramid = pyramid_of(module)
    described = None if pyramid is None else dataclasses.asdict(pyramid)
    return {**networks.classifier_card(module), "pyramid": described}


def classifier_from_card(card: Mapping[str, Any]) -> Classifier:
    """Returns the network that `classifier_card` described; raises InputError if there is none."""
    plain = networks.classifier_from_card(card)
    if not isinstance(plain, Classifier):
        raise InputError(f"the model card's network is {card['name']!r}, which has no pyramids")
    pyramid = pyramid_from_card(card)
    return plain if pyramid is None else plain.clone(beside=PyramidBranch(pyramid))
