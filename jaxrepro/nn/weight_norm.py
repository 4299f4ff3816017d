"""Convolutions whose kernels have a learned length and a learned direction."""

from collections.abc import Callable

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn import initializers
from jaxrepro.nn.operations import operations

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
