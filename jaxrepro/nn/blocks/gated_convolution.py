"""Convolutions whose output is multiplied by a gate that they learn, for pictures with holes.

Yu et al., Free-Form Image Inpainting with Gated Convolution, arXiv 1806.03589. Feature and gate
are halves of one kernel, so that the map is read once.
"""

from collections.abc import Callable

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms.convolution import DIMENSION_NUMBERS
from jaxrepro.nn.forms.operations import operations_for
from jaxrepro.nn.norms.simple_norms import local_response_norm, pixel_norm

NEGATIVE_SLOPE = 0.2

# What a feature may pass through before its activation.
NORMS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "local_response": local_response_norm,
    "pixel": pixel_norm,
    "none": lambda x: x,
}


def leaky_relu(x: jax.Array) -> jax.Array:
    """Returns x where it is positive, 0.2 x elsewhere."""
    return jax.nn.leaky_relu(x, NEGATIVE_SLOPE)


def two_kernels(key: jax.Array, shape: tuple[int, ...], dtype=jnp.float32) -> jax.Array:
    """Returns a kernel [h, w, I, 2 O] whose halves are drawn as kernels of their own, Glorot's."""
    *head, outputs = shape
    draw = nn.initializers.glorot_uniform()
    halves = [draw(k, (*head, outputs // 2), dtype) for k in jax.random.split(key)]
    return jnp.concatenate(halves, axis=-1)


class GatedConvolution(nn.Module):
    """activation(norm(feature)) * sigmoid(gate), feature and gate being convolutions with bias.

    Padding is TensorFlow's SAME: with stride 2 it is one larger at the end than at the start.

    Parameters: kernel [kernel_size, kernel_size, I, 2 features], bias [2 features]; the first
    half of the last axis makes the feature, the second the gate.

    norm: a key of `NORMS`, of the feature alone, in float32. activation: whether the feature
    passes a leaky ReLU of slope 0.2; the gate is there in any case.
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    dilation: int = 1
    norm: str = "local_response"
    activation: bool = True
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x: [B, H, W, I] -> [B, ceil(H / stride), ceil(W / stride), features]."""
        chex.assert_rank(x, 4)
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], 2 * self.features)
        kernel = self.param("kernel", two_kernels, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, shape[-1:], jnp.float32)
        y = self._convolve(x.astype(self.dtype), kernel)
        feature, gate = jnp.split(y + bias.astype(self.dtype), 2, axis=-1)
        feature = NORMS[self.norm](feature)
        if self.activation:
            feature = leaky_relu(feature)
        return (feature * jax.nn.sigmoid(gate)).astype(self.dtype)

    def _convolve(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        if self.stride == 1:
            kernel = _taps_on_the_map(kernel, (x.shape[1], x.shape[2]), self.dilation)
            return operations_for(kernel_size=kernel.shape[0], dilation=self.dilation).convolve(
                x, kernel
            )
        return lax.conv_general_dilated(
            x,
            kernel.astype(x.dtype),
            (self.stride, self.stride),
            "SAME",
            rhs_dilation=(self.dilation, self.dilation),
            dimension_numbers=DIMENSION_NUMBERS,
        )


def _taps_on_the_map(kernel: jax.Array, size: tuple[int, int], dilation: int) -> jax.Array:
    """Returns the middle of a kernel of odd sides: taps that see padding alone are left out.

    On a map of 4 pixels, 8 of 9 taps at a dilation of 4 or more are multiplied by zeros only.
    """
    rows, columns = (
        slice(half - reach, half + reach + 1)
        for half, reach in (
            (side // 2, min(side // 2, (pixels - 1) // dilation))
            for side, pixels in zip(kernel.shape[:2], size)
        )
    )
    return kernel[rows, columns]
