"""VGG-16 up to its third pooling, the fixed network behind perceptual and style losses.

(Simonyan and Zisserman, ICLR 2015, configuration D.) What a published set of weights expects of its
input is part of the network: a preprocessing has a name, and images always come as RGB.
"""

import dataclasses
from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.forms.operations import operations

# Numbers of convolutions before each pooling.
DEPTHS = (2, 2, 3)
# Channels after the first pooling; they double at each of the next two.
WIDTH = 64


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """What the network sees: (pixel - mean) / std for pixels 0..255, per channel R, G, B.

    bgr: whether published kernels of the first layer take channels in the order B, G, R; ours are
    turned to R, G, B when they are read.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    bgr: bool


PREPROCESSINGS: Mapping[str, Preprocessing] = {
    "torchvision": Preprocessing(
        (0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255), bgr=False
    ),
    # The authors' own weights, as Keras has them.
    "caffe": Preprocessing((123.68, 116.779, 103.939), (1.0, 1.0, 1.0), bgr=True),
    "slim": Preprocessing((123.68, 116.78, 103.94), (1.0, 1.0, 1.0), bgr=False),
}


def layer_names() -> tuple[str, ...]:
    """Returns "conv1_1", ..., "conv3_3", the layers in their order."""
    return tuple(
        f"conv{block}_{layer}"
        for block, depth in enumerate(DEPTHS, start=1)
        for layer in range(1, depth + 1)
    )


class Vgg16(nn.Module):
    """The maps of VGG-16 after its first three poolings.

    Attributes:
      preprocessing: a key of `PREPROCESSINGS`.
      width: channels of the first maps, 64 in the published network.
      dtype: of the convolutions; parameters are float32.
    """

    preprocessing: str
    width: int = WIDTH
    dtype: jnp.dtype = jnp.dtype("float32")

    @nn.compact
    def __call__(self, images: jax.Array) -> tuple[jax.Array, ...]:
        """Maps [B, H/2, W/2, w], [B, H/4, W/4, 2w], [B, H/8, W/8, 4w] of `dtype`, w the width.

        images: [B, H, W, 3], RGB in [-1, 1]; H and W at least 8.
        """
        form = PREPROCESSINGS[self.preprocessing]
        # In float32: the caffe inputs go to 151 and bfloat16 has 8 bits.
        pixels = (images.astype(jnp.float32) + 1) * 127.5
        x = ((pixels - jnp.array(form.mean)) / jnp.array(form.std)).astype(self.dtype)
        maps = []
        for block, depth in enumerate(DEPTHS):
            for layer in range(depth):
                features = self.width * 2**block
                name = f"conv{block + 1}_{layer + 1}"
                x = nn.relu(_Convolution(features, name=name)(x))
            x = operations().max_pool(x)
            maps.append(x)
        return tuple(maps)


class _Convolution(nn.Module):
    """3x3, zero padding that keeps the size, and a bias; computes in its input's type."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (3, 3, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        return operations().convolve(x, kernel) + bias.astype(x.dtype)
