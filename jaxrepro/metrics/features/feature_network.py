"""What a measurement needs of a feature network, whichever network it is."""

from typing import Any, NamedTuple, Protocol

import jax


class Features(NamedTuple):
    """What a feature network says about images, one row an image, in their order.

    Attributes:
      features: float32 [B, D], the space in which distances between sets of images are taken.
      logits: float32 [B, K], class scores before the softmax.
    """

    features: jax.Array
    logits: jax.Array


class FeatureNetwork(Protocol):
    """A fixed, pretrained network that turns images into features and class scores.

    Numbers from different networks cannot be compared, so every reported number carries `name`.

    Attributes:
      name: architecture, weight layout and the first 8 hexadecimal digits of the SHA-256 of the
        weights, joined by "-", for example "inception-fid2015-1a2b3c4d". Neither a colon nor an
        "@" nor a "/" is in it.
      num_features: length D of a feature vector.
      num_classes: number K of logits.
      variables: arrays of the network, given to `apply` as an argument: what is closed over would
        be compiled in as constants.
    """

    @property
    def name(self) -> str:
        """Unmistakable name, part of every reported number."""
        ...

    @property
    def num_features(self) -> int:
        """Length D of a feature vector."""
        ...

    @property
    def num_classes(self) -> int:
        """Number K of logits."""
        ...

    @property
    def variables(self) -> Any:
        """Pytree of arrays, the first argument of `apply`."""
        ...

    def apply(self, variables: Any, images: jax.Array) -> Features:
        """Features and logits of `images`: uint8 [B, H, W, C], C 1 or 3, any H and W.

        A pure function that can be compiled: resizing, repeating a single channel and normalising
        happen inside, and no row depends on another row.
        """
        ...
