"""A trained classifier as a `FeatureNetwork`, and the folder that keeps it."""

import dataclasses
import hashlib
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import flax
import jax
import numpy as np

from jaxrepro.core.checkpoints.export import Export, read_export
from jaxrepro.core.errors import InputError
from jaxrepro.core.state import Variables
from jaxrepro.metrics.classifier.model import ResNet, as_input
from jaxrepro.metrics.features.feature_network import Features

_NET = "classifier"


@dataclasses.dataclass(frozen=True, eq=False)
class ClassifierNetwork:
    """A `FeatureNetwork`: a small classifier of the data that it measures.

    accuracy: in [0, 1], on images of its data set that it was not trained on.
    """

    name: str
    module: ResNet
    side: int
    channels: int
    variables: Any
    accuracy: float

    @property
    def num_features(self) -> int:
        """Length D of a feature vector."""
        return self.module.num_features

    @property
    def num_classes(self) -> int:
        """Number K of logits."""
        return self.module.num_classes

    def apply(self, variables: Any, images: jax.Array) -> Features:
        """Features [B, D] and logits [B, K] of `images`: uint8 [B, S, S, C].

        Raises InputError for images of another form than the classifier was trained for.
        """
        if images.ndim != 4 or images.shape[-1] != self.channels:
            raise InputError(
                f"images of shape {images.shape} given; {self.name} takes [B, S, S, "
                f"{self.channels}]"
            )
        out: Any = self.module.apply(variables, as_input(images, self.side), train=False)
        return out


def to_export(card: Mapping[str, Any], variables: Variables, accuracy: float) -> Export:
    """Returns the export of a trained classifier; its card says the network's name."""
    module = ResNet(**card["module"])
    name = network_name(module, card, variables)
    return Export({**card, "name": name, "held_out_accuracy": accuracy}, {_NET: variables})


def read_network(folder: pathlib.Path) -> ClassifierNetwork:
    """Returns the classifier exported as `folder`.

    Raises InputError if it is none, or is damaged or changed.
    """
    export = read_export(folder)
    card = export.card
    try:
        module = ResNet(**card["module"])
        side, channels, accuracy = card["side"], card["channels"], card["held_out_accuracy"]
        variables = export.nets[_NET]
        name = network_name(module, card, variables)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder} is not an export of a classifier: {error}") from error
    if name != card.get("name"):
        raise InputError(f"{folder}: the weights are not those of {card.get('name')}")
    shapes = jax.eval_shape(
        lambda: module.init(
            jax.random.key(0), np.zeros((1, side, side, channels), np.float32), train=False
        )
    )
    if jax.tree.map(np.shape, variables) != jax.tree.map(np.shape, shapes):
        raise InputError(f"{folder}: the arrays are not those of a {card['module']}")
    return ClassifierNetwork(name, module, side, channels, variables, float(accuracy))


def network_name(module: ResNet, card: Mapping[str, Any], variables: Variables) -> str:
    """Returns "resnet8-cifar10-0a1b2c3d": layers, data, hash of the weights.

    Where the network sees images at another size than the data have, "-at64" follows the data.
    """
    spec = str(card["data_spec"])
    place = spec.partition(":")[2].partition("@")[0].rstrip("/").rpartition("/")[2] or spec
    smaller = f"-at{card['side']}" if card["side"] != card["resolution"] else ""
    word = re.sub(r"[^A-Za-z0-9_.]+", "_", place)
    return f"resnet{module.depth}-{word}{smaller}-{_digest(variables)}"


def _digest(variables: Variables) -> str:
    sha = hashlib.sha256()
    flat = flax.traverse_util.flatten_dict(dict(variables), sep="/")
    for name in sorted(flat):
        array = np.ascontiguousarray(flat[name], "<f4")
        sha.update(f"{name} {array.shape}\n".encode() + array.tobytes())
    return sha.hexdigest()[:8]
