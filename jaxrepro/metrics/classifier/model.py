"""A small residual network for images of at most 64 pixels (He et al. 2016, CIFAR form)."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.features.feature_network import Features
from jaxrepro.nn.norms.batch_norm import BatchNormRelu

MAX_SIDE = 64
_NUM_STAGES = 3
# The last maps of a 16-pixel image are 4x4, those of an 8-pixel one 2x2.
_MIN_SIDE = 8


class ResNet(nn.Module):
    """6n + 2 layers: a 3x3 convolution, three stages of n pre-activation blocks, a linear layer.

    Stages have `width`, 2 `width` and 4 `width` channels; the second and third halve the map.
    Images above 32 pixels are halved by the first convolution. (He et al., arXiv 1603.05027;
    sizes of arXiv 1512.03385, section 4.2.)
    """

    num_classes: int
    blocks_per_stage: int
    width: int

    @property
    def depth(self) -> int:
        """The number of layers with weights on the longest path."""
        return 2 * _NUM_STAGES * self.blocks_per_stage + 2

    @property
    def num_features(self) -> int:
        """Length of a feature vector: the channels of the last stage."""
        return self.width * 2 ** (_NUM_STAGES - 1)

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> Features:
        """Returns features [B, 4 width] and logits [B, num_classes].

        images: float32 [B, S, S, C] in [-1, 1], 8 <= S <= 64. The features are the spatial means
        before the linear layer.
        """
        x = _conv(self.width, 3, 2 if images.shape[1] > 32 else 1, "first")(images)
        for stage in range(_NUM_STAGES):
            for block in range(self.blocks_per_stage):
                stride = 2 if stage and not block else 1
                name = f"stage_{stage}_{block}"
                x = _Block(self.width * 2**stage, stride, name=name)(x, train=train)
        x = BatchNormRelu(name="norm")(x, train=train)
        features = x.mean(axis=(1, 2))
        return Features(features, nn.Dense(self.num_classes, name="linear")(features))


class _Block(nn.Module):
    """norm, ReLU, 3x3 conv, norm, ReLU, 3x3 conv; plus the input, or a 1x1 conv where it grows."""

    features: int
    stride: int

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        h: Any = BatchNormRelu(name="norm_1")(x, train=train)
        if self.stride != 1 or x.shape[-1] != self.features:
            x = _conv(self.features, 1, self.stride, "shortcut")(h)
        h = _conv(self.features, 3, self.stride, "conv_1")(h)
        h = BatchNormRelu(name="norm_2")(h, train=train)
        return x + _conv(self.features, 3, 1, "conv_2")(h)


def _conv(features: int, size: int, stride: int, name: str) -> nn.Module:
    init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
    return nn.Conv(
        features, (size, size), stride, use_bias=False, padding="SAME", kernel_init=init, name=name
    )


def as_input(images: jax.Array, side: int) -> jax.Array:
    """Returns uint8 images [B, S, S, C] as float32 [B, side, side, C] in [-1, 1].

    Larger ones are area-resized: every output pixel is the mean over the square it covers.
    Raises InputError for images that are not square, or are smaller than `side`.
    """
    height, width = images.shape[1:3]
    if height != width or height < side or images.dtype != jnp.uint8:
        raise InputError(
            f"images of shape {images.shape} and type {images.dtype} given; the classifier takes "
            f"uint8 squares of {side} pixels or more"
        )
    x = images.astype(jnp.float32)
    if height > side:
        weights = jnp.asarray(_area_weights(height, side))
        x = jnp.einsum("ph,bhwc,qw->bpqc", weights, x, weights, precision="highest")
    return x / 127.5 - 1


def input_side(resolution: int) -> int:
    """Returns the side of what the classifier sees of images of `resolution` pixels.

    Raises InputError for images below 8 pixels.
    """
    if resolution < _MIN_SIDE:
        raise InputError(
            f"images of {resolution} pixels given; the classifier needs {_MIN_SIDE} or more"
        )
    return min(resolution, MAX_SIDE)


def _area_weights(size: int, side: int) -> np.ndarray:
    """Returns [side, size]: the share of every input pixel in the mean of each output pixel."""
    edges = np.arange(side + 1) * size / side
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return (np.maximum(overlap, 0) * side / size).astype(np.float32)
