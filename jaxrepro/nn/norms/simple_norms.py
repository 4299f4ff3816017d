"""Norms without statistics of a batch: of neighbours, of a pixel, of a weight, or none at all."""

from collections.abc import Callable

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxrepro.nn import initializers
from jaxrepro.nn.forms.operations import operations


def local_response_norm(x: jax.Array, *, radius: int = 5, bias: float = 5e-5) -> jax.Array:
    """Returns float32 [B, H, W, C]: x over the root of `bias` plus its neighbours' squares.

    Channel c is divided by sqrt(bias + sum of x_k^2 over |k - c| <= radius): `tf.nn.lrn` with
    alpha 1 and beta 1/2. The sum is not divided by the number of channels, and there are fewer of
    them at both ends. Computed in float32 whatever the dtype of x: a bias of 5e-5 and a sum of
    squares do not go together in 8 bits of mantissa.
    """
    chex.assert_rank(x, 4)
    x = x.astype(jnp.float32)
    num = x.shape[-1]
    squares = jnp.pad(jnp.square(x), [(0, 0)] * 3 + [(radius, radius)])
    # XLA makes one loop of these sums; its windowed reduction over the last axis is slow on CPU.
    total = sum(squares[..., i : i + num] for i in range(2 * radius + 1))
    return x * lax.rsqrt(bias + total)


def pixel_norm(x: jax.Array, *, epsilon: float = 1e-8) -> jax.Array:
    """Returns float32 [B, H, W, C]: x / sqrt(mean over all channels of x^2 + epsilon).

    Karras et al., Progressive Growing of GANs, arXiv 1710.10196, section 4.2. No parameters.
    """
    chex.assert_rank(x, 4)
    x = x.astype(jnp.float32)
    return x * lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + epsilon)


class ScaleRelu(nn.Module):
    """Gain, bias and ReLU, without normalisation; called as `BatchNormRelu` is."""

    @nn.compact
    def __call__(
        self,
        x: jax.Array,
        gain: jax.Array | None = None,
        bias: jax.Array | None = None,
        *,
        train: bool,
    ) -> jax.Array:
        """Returns relu(x * gain + bias) [B, H, W, C] in the dtype of x; `train` changes nothing.

        gain, bias: float32 [B, C]; without them, learned ones [C] shared by all examples, which
        start at 1 and 0.
        """
        del train
        chex.assert_rank(x, 4)
        channels = x.shape[-1]
        if gain is None:
            gain = self.param("gain", nn.initializers.ones, (channels,), jnp.float32)[None]
        if bias is None:
            bias = self.param("bias", nn.initializers.zeros, (channels,), jnp.float32)[None]
        chex.assert_shape([gain, bias], (None, channels))
        y = x.astype(jnp.float32) * gain[:, None, None] + bias[:, None, None]
        return jax.nn.relu(y).astype(x.dtype)


# Below the square of any length that occurs: it keeps a kernel of zeros from dividing by zero.
_SMALLEST_SQUARE = 1e-24


class WeightNormConv(nn.Module):
    """A convolution with kernel g v / |v|, g and |v| one number for each output channel.

    v is the parameter `kernel` and g the parameter `scale`, which starts at |v|, so that the
    first kernel is the one that `kernel_init` drew; there is no initialisation from data.
    Orthogonal regularisation acts on v, as on any kernel: w_i and w_j are orthogonal where v_i
    and v_j are. It leaves g free. (Salimans & Kingma, arXiv 1602.07868, equation 2.)

    `operation` means what it means in `SpectralConv`.
    """

    features: int
    kernel_size: int = 3
    use_bias: bool = True
    kernel_init: initializers.Initializer = initializers.orthogonal
    operation: Callable[[jax.Array, jax.Array], jax.Array] | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns what `operation` makes of x [B, H, W, I], plus the bias.

        `train` changes nothing.
        """
        del train
        chex.assert_rank(x, 4)
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        direction = self.param("kernel", self.kernel_init, shape, jnp.float32)
        square = jnp.sum(jnp.square(direction), axis=(0, 1, 2))
        length = jnp.sqrt(jnp.maximum(square, _SMALLEST_SQUARE))
        scale = self.param("scale", lambda key: length)
        operation = self.operation or operations().convolve
        y = operation(x.astype(self.dtype), direction * (scale / length))
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
            y = y + bias.astype(self.dtype)
        return y
