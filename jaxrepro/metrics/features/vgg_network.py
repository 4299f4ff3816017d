"""VGG-16 as a feature network to measure with: the means of its maps after three poolings."""

import dataclasses
import re
from typing import Any

import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.features.feature_network import Features
from jaxrepro.nn.vgg.vgg16 import DEPTHS
from jaxrepro.nn.vgg.vgg16_features import VggFeatures


@dataclasses.dataclass(frozen=True, eq=False)
class VggNetwork:
    """A `FeatureNetwork` whose features are the means over places of all three maps.

    It has no classes, so `logits` are [B, 0]. With random weights its name says so: such distances
    order the checkpoints of one run and mean nothing beyond.
    """

    network: VggFeatures

    @property
    def name(self) -> str:
        """The network's name and what is taken of it, such as "random-vgg16-seed-0-means"."""
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", self.network.name).strip("-")
        return f"{plain}-means"

    @property
    def num_features(self) -> int:
        """Channels of the three maps together, 448 at the published width."""
        return self.network.module.width * sum(2**block for block in range(len(DEPTHS)))

    @property
    def num_classes(self) -> int:
        """None: the layers that tell classes apart are left out."""
        return 0

    @property
    def variables(self) -> Any:
        """The network's arrays."""
        return self.network.variables

    def apply(self, variables: Any, images: jax.Array) -> Features:
        """Features [B, D] float32 and logits [B, 0] of `images`: uint8 [B, H, W, 3], sides from 8.

        Raises:
          InputError: for images of another form.
        """
        if images.ndim != 4 or images.shape[-1] != 3 or min(images.shape[1:3]) < 8:
            raise InputError(
                f"images of shape {images.shape} given; VGG-16 takes RGB, sides from 8"
            )
        maps = self.network.maps(variables, images.astype(jnp.float32) / 127.5 - 1)
        means = [jnp.mean(x, axis=(1, 2), dtype=jnp.float32) for x in maps]
        return Features(jnp.concatenate(means, axis=-1), jnp.zeros((len(images), 0), jnp.float32))
