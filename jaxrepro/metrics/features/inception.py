"""Inception-v3 for measurements (Szegedy et al. 2016), inference only, batch norm folded in.

The two sets of weights in use belong to two networks of the same parameters. They differ in the
pooling branch of ten blocks, and each is used with its own preprocessing: see `PROTOCOLS`. The
modules bear the names of the published files.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.core.errors import InputError
from jaxrepro.metrics.features.bilinear import Alignment, resize_bilinear
from jaxrepro.metrics.features.feature_network import Features

SIDE = 299
NUM_FEATURES = 2048

Pooling = Literal["average", "padded_average", "max"]

# Matrix units of accelerators round float32 inputs to 10 bits unless told otherwise.
_PRECISION = lax.Precision.HIGHEST


@dataclasses.dataclass(frozen=True)
class InceptionProtocol:
    """How a number is taken with Inception-v3: the weights' layout, and what happens around it.

    Attributes:
      num_classes: rows of the last layer, by which the layout of the weights is told apart.
      pooling: of the pooling branches; "average" leaves the padding out of the mean,
        "padded_average" counts it as zeros.
      last_pooling: the same of the last block.
      alignment: of the bilinear resize to 299 pixels, without antialiasing.
      mean, std: per channel, of pixels in [0, 1]; the network sees (x - mean) / std.
      logit_bias: whether logits include the bias of the last layer.
    """

    num_classes: int
    pooling: Pooling
    last_pooling: Pooling
    alignment: Alignment
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    logit_bias: bool


_HALF = (0.5, 0.5, 0.5)

# The first protocol of a number of classes is the default for such weights.
PROTOCOLS: Mapping[str, InceptionProtocol] = {
    # The graph of 2015-12-05 behind published FID and Inception Scores, as its PyTorch port is
    # used. Inception Scores were published without the bias (Salimans et al. 2016, their code).
    "fid2015": InceptionProtocol(
        1008, "average", "max", "half_pixel", _HALF, _HALF, logit_bias=False
    ),
    # The same with the resize of TensorFlow 1, which the original graph has inside.
    "fid2015-tf1resize": InceptionProtocol(
        1008, "average", "max", "corner", _HALF, _HALF, logit_bias=False
    ),
    # torchvision's network as the author of BigGAN's PyTorch code measures with it.
    "torchvision-biggan": InceptionProtocol(
        1000,
        "padded_average",
        "padded_average",
        "align_corners",
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
        logit_bias=True,
    ),
    # torchvision's network with the inputs that its weights were trained on.
    "torchvision": InceptionProtocol(
        1000, "padded_average", "padded_average", "half_pixel", _HALF, _HALF, logit_bias=True
    ),
}


@dataclasses.dataclass(frozen=True, eq=False)
class InceptionNetwork:
    """A `FeatureNetwork`: Inception-v3 with weights, used by one protocol.

    Features are the 2048 averages before the last layer.
    """

    name: str
    protocol: InceptionProtocol
    variables: Any
    num_features: int = NUM_FEATURES

    @property
    def num_classes(self) -> int:
        """Number K of logits."""
        return self.protocol.num_classes

    def apply(self, variables: Any, images: jax.Array) -> Features:
        """Features [B, 2048] and logits [B, K] of `images`: uint8 [B, H, W, C], C 1 or 3.

        Raises:
          InputError: for images of another form.
        """
        inputs = preprocess(images, self.protocol)
        return cast(Features, module_of(self.protocol).apply(variables, inputs))


def module_of(protocol: InceptionProtocol) -> "InceptionV3":
    """The network of a protocol, without its preprocessing."""
    return InceptionV3(
        protocol.num_classes, protocol.pooling, protocol.last_pooling, protocol.logit_bias
    )


def preprocess(images: jax.Array, protocol: InceptionProtocol) -> jax.Array:
    """What the network sees of images, float32 [B, 299, 299, 3].

    images: uint8 [B, H, W, C] with C 1 (repeated) or 3.
    """
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or images.dtype != jnp.uint8:
        raise InputError(
            f"images of shape {images.shape} and type {images.dtype} given; they must be uint8 "
            "[B, H, W, C] with C 1 or 3"
        )
    x = resize_bilinear(images.astype(jnp.float32) / 255, SIDE, protocol.alignment)
    x = jnp.broadcast_to(x, (*x.shape[:-1], 3))
    return (x - jnp.array(protocol.mean)) / jnp.array(protocol.std)


class InceptionV3(nn.Module):
    """Inception-v3 from normalised images to features and logits.

    Args:
      num_classes: number K of logits.
      pooling, last_pooling, logit_bias: see `InceptionProtocol`.
    """

    num_classes: int
    pooling: Pooling
    last_pooling: Pooling
    logit_bias: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> Features:
        """Features [B, 2048] and logits [B, K] of x: [B, 299, 299, 3]."""
        x = ConvRelu(32, (3, 3), stride=2, name="Conv2d_1a_3x3")(x)
        x = ConvRelu(32, (3, 3), padding="VALID", name="Conv2d_2a_3x3")(x)
        x = ConvRelu(64, (3, 3), name="Conv2d_2b_3x3")(x)
        x = _halve(x)
        x = ConvRelu(80, (1, 1), name="Conv2d_3b_1x1")(x)
        x = ConvRelu(192, (3, 3), padding="VALID", name="Conv2d_4a_3x3")(x)
        x = _halve(x)
        for name, pool_width in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
            x = BlockA(pool_width, self.pooling, name=name)(x)
        x = BlockB(name="Mixed_6a")(x)
        for name, width in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
            x = BlockC(width, self.pooling, name=f"Mixed_{name}")(x)
        x = BlockD(name="Mixed_7a")(x)
        x = BlockE(self.pooling, name="Mixed_7b")(x)
        x = BlockE(self.last_pooling, name="Mixed_7c")(x)
        features = x.mean(axis=(1, 2))
        head = nn.Dense(
            self.num_classes,
            use_bias=self.logit_bias,
            kernel_init=nn.initializers.zeros,
            precision=_PRECISION,
            name="fc",
        )
        return Features(features, head(features))


class BlockA(nn.Module):
    """Figure 5 of the paper: 1x1, 5x5 and double 3x3 at 35x35; 224 + `pool_width` channels."""

    pool_width: int
    pooling: Pooling

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, 224 + pool_width] of x: [B, H, W, C]."""
        single = ConvRelu(64, (1, 1), name="branch1x1")(x)
        wide = ConvRelu(48, (1, 1), name="branch5x5_1")(x)
        wide = ConvRelu(64, (5, 5), name="branch5x5_2")(wide)
        double = ConvRelu(64, (1, 1), name="branch3x3dbl_1")(x)
        double = ConvRelu(96, (3, 3), name="branch3x3dbl_2")(double)
        double = ConvRelu(96, (3, 3), name="branch3x3dbl_3")(double)
        pool = ConvRelu(self.pool_width, (1, 1), pooling=self.pooling, name="branch_pool")(x)
        return jnp.concatenate([single, wide, double, pool], axis=-1)


class BlockB(nn.Module):
    """Halves 35x35 to 17x17 by strided convolutions beside a pooling; C + 480 channels."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, (H-1)//2, (W-1)//2, C + 480] of x: [B, H, W, C]."""
        single = ConvRelu(384, (3, 3), stride=2, name="branch3x3")(x)
        double = ConvRelu(64, (1, 1), name="branch3x3dbl_1")(x)
        double = ConvRelu(96, (3, 3), name="branch3x3dbl_2")(double)
        double = ConvRelu(96, (3, 3), stride=2, name="branch3x3dbl_3")(double)
        return jnp.concatenate([single, double, _halve(x)], axis=-1)


class BlockC(nn.Module):
    """Figure 6 of the paper: 7x7 as 1x7 and 7x1, once and twice, at 17x17; 768 channels."""

    width: int
    pooling: Pooling

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, 768] of x: [B, H, W, C]."""
        row, column = (1, 7), (7, 1)
        outputs = [ConvRelu(192, (1, 1), name="branch1x1")(x)]
        for branch, kernels in (
            ("branch7x7", (row, column)),
            ("branch7x7dbl", (column, row, column, row)),
        ):
            y = ConvRelu(self.width, (1, 1), name=f"{branch}_1")(x)
            for i, kernel in enumerate(kernels, 2):
                last = i == len(kernels) + 1
                y = ConvRelu(192 if last else self.width, kernel, name=f"{branch}_{i}")(y)
            outputs.append(y)
        outputs.append(ConvRelu(192, (1, 1), pooling=self.pooling, name="branch_pool")(x))
        return jnp.concatenate(outputs, axis=-1)


class BlockD(nn.Module):
    """Halves 17x17 to 8x8 by strided convolutions beside a pooling; C + 512 channels."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, (H-1)//2, (W-1)//2, C + 512] of x: [B, H, W, C]."""
        single = ConvRelu(192, (1, 1), name="branch3x3_1")(x)
        single = ConvRelu(320, (3, 3), stride=2, name="branch3x3_2")(single)
        wide = ConvRelu(192, (1, 1), name="branch7x7x3_1")(x)
        wide = ConvRelu(192, (1, 7), name="branch7x7x3_2")(wide)
        wide = ConvRelu(192, (7, 1), name="branch7x7x3_3")(wide)
        wide = ConvRelu(192, (3, 3), stride=2, name="branch7x7x3_4")(wide)
        return jnp.concatenate([single, wide, _halve(x)], axis=-1)


class BlockE(nn.Module):
    """Figure 7 of the paper: 3x3 spread out as 1x3 beside 3x1, at 8x8; 2048 channels."""

    pooling: Pooling

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H, W, 2048] of x: [B, H, W, C]."""
        outputs = [ConvRelu(320, (1, 1), name="branch1x1")(x)]
        single = ConvRelu(384, (1, 1), name="branch3x3_1")(x)
        double = ConvRelu(448, (1, 1), name="branch3x3dbl_1")(x)
        double = ConvRelu(384, (3, 3), name="branch3x3dbl_2")(double)
        for y, name in ((single, "branch3x3_2"), (double, "branch3x3dbl_3")):
            outputs.append(ConvRelu(384, (1, 3), name=f"{name}a")(y))
            outputs.append(ConvRelu(384, (3, 1), name=f"{name}b")(y))
        outputs.append(ConvRelu(192, (1, 1), pooling=self.pooling, name="branch_pool")(x))
        return jnp.concatenate(outputs, axis=-1)


class ConvRelu(nn.Module):
    """relu(conv(pool(x)) + bias): batch norm is in kernel and bias.

    Args:
      width: channels out.
      kernel_size: (h, w).
      stride: 2 goes without padding.
      padding: "SAME" (zeros) or "VALID".
      pooling: 3x3 at stride 1 before a 1x1 convolution; None for none.
    """

    width: int
    kernel_size: tuple[int, int]
    stride: int = 1
    padding: Literal["SAME", "VALID"] = "SAME"
    pooling: Pooling | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, H', W', width] of x: [B, H, W, C]."""
        shape = (*self.kernel_size, x.shape[-1], self.width)
        kernel = self.param("kernel", nn.initializers.zeros, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.width,), jnp.float32)
        if self.pooling == "max":
            x = nn.max_pool(x, (3, 3), padding="SAME")
        x = lax.conv_general_dilated(
            x,
            kernel,
            (self.stride, self.stride),
            self.padding if self.stride == 1 else "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=_PRECISION,
        )
        if self.pooling in ("average", "padded_average"):
            # A mean over pixels and a 1x1 convolution commute, and fewer channels come out.
            padded = self.pooling == "padded_average"
            x = nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=padded)
        return nn.relu(x + bias)


def _halve(x: jax.Array) -> jax.Array:
    return nn.max_pool(x, (3, 3), strides=(2, 2))
