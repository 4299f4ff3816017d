"""Image classifiers by name, their sizes, and pairs of them with equally many parameters."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp

from jaxrepro.core.analysis.flops import count_operations
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.papers.pyranet.classification.resnext import ResNeXt
from jaxrepro.papers.pyranet.classification.wide_resnet import WideResNet
from jaxrepro.papers.pyranet.network.initialization import INITIALIZATIONS, Initialization
from jaxrepro.papers.pyranet.network.networks import pyramid_from_card, pyramid_from_settings

Classifier = WideResNet | ResNeXt

# By name: the class, and what says which network it is beside its classes and pyramids.
_CLASSIFIERS: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "wide_resnet": (WideResNet, ("depth", "width")),
    "resnext": (ResNeXt, ("depth", "groups", "group_width")),
}
CLASSIFIERS = tuple(_CLASSIFIERS)
# What pyramids do to the number of parameters: add to it, or take the place of others.
SIZES = ("added", "equal")
# Networks whose parameters differ by more than this share are not called equal.
_EQUAL = 0.02
# A wide ResNet's width is a multiple of this: one more is one more channel in the last group.
_WIDTH_STEP = 1 / 64


def make_classifier(settings: Settings, *, num_classes: int) -> Classifier:
    """Returns the network that the section `model` of a config describes.

    size "added" puts the pyramids into the network of that width; "equal" makes it narrower, see
    `with_equal_parameters`. Raises InputError for values that are not allowed.
    """
    name = settings.one_of("name", CLASSIFIERS)
    kind, fields = _CLASSIFIERS[name]
    sizes = {
        field: settings.at_least(field, _WIDTH_STEP if field == "width" else 1) for field in fields
    }
    start = Initialization(settings.one_of("init", INITIALIZATIONS))
    plain: Classifier = kind(**sizes, num_classes=num_classes, start=start)
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
    module = plain.clone(pyramid=pyramid)
    return with_equal_parameters(module) if size == "equal" else module


def with_equal_parameters(module: Classifier) -> Classifier:
    """Returns `module`, narrower, with about as many parameters as it has without its pyramids.

    A wide ResNet is narrowed by 1/64 of its unit at a time, a ResNeXt by a channel of each group;
    the closest is taken. Raises InputError if even that one differs by more than 2 %.
    """
    wanted = num_parameters(module.clone(pyramid=None))
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
        assert module.pyramid is not None
        # Levels have a channel at least.
        first = math.ceil(4 * module.pyramid.base_width + 1)
        count = round(module.width / _WIDTH_STEP)
        return [
            functools.partial(module.clone, width=k * _WIDTH_STEP)
            for k in range(min(first, count), count + 1)
        ]
    return [functools.partial(module.clone, group_width=k + 1) for k in range(module.group_width)]


def num_parameters(module: Classifier, size: int = 32) -> int:
    """Returns the number of parameters; nothing is computed. size: of images, of no influence."""
    # Modules can be hashed, which type checkers do not see.
    return _num_parameters(cast(Any, module), size)


@functools.cache
def _num_parameters(module: Any, size: int) -> int:
    x = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    shapes = jax.eval_shape(lambda x: module.init(jax.random.key(0), x, train=False), x)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes["params"]))


def num_multiplications(module: Classifier, size: int) -> int:
    """Returns the multiply-adds of convolutions and layers for one image of `size` pixels.

    Enlarging a level, which is done as products of matrices, counts too.
    """
    x = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    rngs = {"pooling": jax.random.key(0)}
    shapes = jax.eval_shape(lambda x: module.init(jax.random.key(0), x, train=False), x)
    apply = lambda variables, x: module.apply(variables, x, train=False, rngs=rngs)  # noqa: E731
    return count_operations(apply, shapes, x).contractions // 2


def classifier_card(module: Classifier) -> Mapping[str, Any]:
    """Returns, as JSON, what `classifier_from_card` makes the same network of."""
    name = next(name for name, (kind, _) in _CLASSIFIERS.items() if isinstance(module, kind))
    fields = (*_CLASSIFIERS[name][1], "num_classes")
    pyramid = None if module.pyramid is None else dataclasses.asdict(module.pyramid)
    return {"name": name, **{f: getattr(module, f) for f in fields}, "pyramid": pyramid}


def classifier_from_card(card: Mapping[str, Any]) -> Classifier:
    """Returns the network that `classifier_card` described; raises InputError if there is none."""
    name = card.get("name")
    if name not in CLASSIFIERS:
        raise InputError(
            f"the model card's network is {name!r}; classifiers are {', '.join(CLASSIFIERS)}"
        )
    kind, fields = _CLASSIFIERS[name]
    sizes: dict[str, Any] = {field: card.get(field) for field in (*fields, "num_classes")}
    for field, value in sizes.items():
        numbers = (int, float) if field == "width" else (int,)
        if type(value) not in numbers or not value > 0:
            raise InputError(f"the model card's network {name} has {field}={value!r}")
    return kind(**sizes, pyramid=pyramid_from_card(card))
