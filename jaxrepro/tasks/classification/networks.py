"""Classifiers of small images by name: from settings, from a card, and how large they are."""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.analysis.flops import count_operations
from jaxrepro.core.config import Settings
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference.cards import is_size
from jaxrepro.nn.branch_initialization import INITIALIZATIONS, Initialization
from jaxrepro.nn.classifiers.dense_layers import DenseLayers
from jaxrepro.nn.classifiers.paired_convolutions import PairedConvolutions
from jaxrepro.nn.classifiers.residual import ResNet
from jaxrepro.nn.classifiers.resnext import ResNeXt
from jaxrepro.nn.classifiers.small_convolutions import SmallConvolutions
from jaxrepro.nn.classifiers.wide_resnet import WideResNet

Classifier = WideResNet | ResNeXt | ResNet | SmallConvolutions | PairedConvolutions | DenseLayers

# By name: the class, and what says which network it is beside its classes, branches and head.
_CLASSIFIERS: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "wide_resnet": (WideResNet, ("depth", "width")),
    "resnext": (ResNeXt, ("depth", "groups", "group_width")),
    "resnet": (ResNet, ("depth",)),
    "convolutions": (SmallConvolutions, ("widths",)),
    "paired_convolutions": (PairedConvolutions, ("widths", "features")),
    "dense": (DenseLayers, ("widths", "features")),
}
CLASSIFIERS = tuple(_CLASSIFIERS)
# Those with a place for a branch in every block.
WITH_BRANCHES = ("wide_resnet", "resnext")
# How the others' layers start: there is one way.
_STARTS = {"paired_convolutions": "torch"}
_HE = "msra"
# A wide ResNet's width is a multiple of this: one more is one more channel in the last group.
WIDTH_STEP = 1 / 64


def make_classifier(settings: Settings, *, num_classes: int) -> Classifier:
    """Returns the plain network that the section `model` of a config describes.

    Raises InputError for values that are not allowed.
    """
    name = settings.one_of("name", CLASSIFIERS)
    kind, fields = _CLASSIFIERS[name]
    sizes = {field: _size(settings, field) for field in fields}
    if name in WITH_BRANCHES:
        sizes["start"] = Initialization(settings.one_of("init", INITIALIZATIONS))
    else:
        settings.one_of("init", (_STARTS.get(name, _HE),))
    if kind is WideResNet:
        sizes["dropout"] = settings.at_least("dropout", 0, default=0.0)
        if sizes["dropout"] >= 1:
            raise InputError(f"model.dropout is {sizes['dropout']}; it must be below 1")
    return kind(**sizes, num_classes=num_classes)


def _size(settings: Settings, field: str) -> Any:
    if field != "widths":
        return settings.at_least(field, {"width": WIDTH_STEP, "features": 0}.get(field, 1))
    widths = getattr(settings, field)
    if not isinstance(widths, Sequence) or not widths or not all(map(is_size, widths)):
        raise InputError(f"model.widths is {widths!r}; it must be channels by layer, such as (32,)")
    return tuple(widths)


def classifier_card(module: Classifier) -> dict[str, Any]:
    """Returns, as JSON, what `classifier_from_card` makes the same plain network of."""
    name = next(name for name, (kind, _) in _CLASSIFIERS.items() if isinstance(module, kind))
    fields = (*_CLASSIFIERS[name][1], "num_classes")
    values = {field: getattr(module, field) for field in fields}
    return {"name": name} | {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


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
        if field == "widths":
            fits = isinstance(value, list) and bool(value) and all(map(is_size, value))
            sizes[field] = tuple(value) if isinstance(value, list) else value
        elif field == "width":
            fits = type(value) in (int, float) and value > 0
        else:
            fits = type(value) is int and value >= (field != "features")
        if not fits:
            raise InputError(f"the model card's network {name} has {field}={value!r}")
    return kind(**sizes)


def num_parameters(module: nn.Module, size: int = 32) -> int:
    """Returns the number of parameters; nothing is computed. size: of images."""
    # Modules can be hashed, which type checkers do not see.
    return _num_parameters(cast(Any, module), size)


@functools.cache
def _num_parameters(module: Any, size: int) -> int:
    x = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    shapes = jax.eval_shape(lambda x: module.init(jax.random.key(0), x, train=False), x)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes["params"]))


def num_multiplications(module: nn.Module, size: int) -> int:
    """Returns the multiply-adds of convolutions and layers for one image of `size` pixels.

    Enlarging a pyramid's level, which is done as products of matrices, counts too.
    """
    x = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    rngs = {"pooling": jax.random.key(0)}
    shapes = jax.eval_shape(lambda x: module.init(jax.random.key(0), x, train=False), x)
    apply = lambda variables, x: module.apply(variables, x, train=False, rngs=rngs)  # noqa: E731
    return count_operations(apply, shapes, x).contractions // 2
