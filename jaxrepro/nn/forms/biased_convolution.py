"""A convolution layer with a bias, whose start may depend on where it stands in the network."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn.forms import convolution
from jaxrepro.nn.forms.operations import operations


class Flow(NamedTuple):
    """What a layer's first variance may be made of beside the shape of its kernel.

    rectified: whether its input comes from a ReLU. branches_in: how many branches were added to
    make its input; branches_out: how many take its output.
    """

    rectified: bool = True
    branches_in: int = 1
    branches_out: int = 1


# Of a kernel's shape [h, w, I, O]: drawn arrays [h, w, I, O] and [O].
Draw = Callable[[jax.Array, tuple[int, ...]], jax.Array]
Start = Callable[[Flow], tuple[Draw, Draw]]


def uniform_by_fan_in(flow: Flow) -> tuple[Draw, Draw]:
    """Returns torch's start: kernel and bias uniform in +-1/sqrt(h w I), wherever the layer is."""
    del flow

    def bound(shape: tuple[int, ...]) -> float:
        height, width, inputs, _ = shape
        return (height * width * inputs) ** -0.5

    def kernel(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jax.random.uniform(key, shape, minval=-bound(shape), maxval=bound(shape))

    def bias(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jax.random.uniform(key, shape[-1:], minval=-bound(shape), maxval=bound(shape))

    return kernel, bias


class BiasedConvolution(nn.Module):
    """A convolution with padding that keeps the size, and a bias.

    kernel_size: odd. stride: every so many pixels of the result along both sides. dilation: the
    distance of the kernel's taps. groups: of channels that only see the same of the input.
    """

    features: int
    kernel_size: int = 1
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    use_bias: bool = True
    start: Start = uniform_by_fan_in
    flow: Flow = Flow()

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x: [B, H, W, C] -> [B, ceil(H / stride), ceil(W / stride), features]."""
        shape = (self.kernel_size,) * 2 + (x.shape[-1] // self.groups, self.features)
        draw_kernel, draw_bias = self.start(self.flow)
        kernel = self.param("kernel", draw_kernel, shape)
        y = self._convolve(x, kernel)
        if self.use_bias:
            bias = self.param("bias", draw_bias, shape)
            y = y + bias.astype(x.dtype)
        return y

    def _convolve(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        if self.kernel_size == 1 and self.groups == 1:
            x = x[:, :: self.stride, :: self.stride]
            return operations().convolve_valid(x, kernel)
        if self.groups > 1 or self.stride > 1:
            margin = self.dilation * (self.kernel_size // 2)
            return lax.conv_general_dilated(
                x,
                kernel.astype(x.dtype),
                (self.stride, self.stride),
                [(margin, margin)] * 2,
                rhs_dilation=(self.dilation, self.dilation),
                dimension_numbers=convolution.DIMENSION_NUMBERS,
                feature_group_count=self.groups,
            )
        if self.dilation > 1:
            return convolution.convolve(x, kernel, self.dilation)
        return operations().convolve(x, kernel)


def draw_zeros(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Returns a bias [O] of zeros for a kernel of that shape."""
    del key
    return jnp.zeros(shape[-1:])
