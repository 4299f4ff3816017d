"""Transposed convolutions that double a map and gate it, in three forms of the gate."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.blocks.gated_convolution import leaky_relu
from jaxrepro.nn.forms.operations import operations

GATES = ("self", "shared_kernel", "separate")


class GatedDeconvolution(nn.Module):
    """leaky_relu(feature) * sigmoid(gate) at twice the size; the feature is T x + bias.

    T is a transposed convolution of stride 2 with TensorFlow's SAME padding. The gate is, by form:

    self: the activated feature itself, as the released code of SC-FEGAN computes it. Its
      `gate_bias` is there, as in its checkpoint, and nothing depends on it.
    shared_kernel: T x + gate_bias, what that code was meant to compute.
    separate: U x + gate_bias, with a kernel of its own.

    Parameters: kernel [kernel_size, kernel_size, features, I], with TensorFlow's order of the
    last two axes; bias and gate_bias [features]; gate_kernel, as kernel, of the form "separate".
    """

    features: int
    kernel_size: int = 5
    gate: str = "shared_kernel"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x: [B, H, W, I] -> [B, 2H, 2W, features]."""
        chex.assert_rank(x, 4)
        shape = (self.kernel_size, self.kernel_size, self.features, x.shape[-1])
        init = nn.initializers.normal(0.02)
        kernel = self.param("kernel", init, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        gate_bias = self.param("gate_bias", nn.initializers.zeros, (self.features,), jnp.float32)
        if self.gate == "separate":
            gate_kernel = self.param("gate_kernel", init, shape, jnp.float32)
            kernel = jnp.concatenate([kernel, gate_kernel], axis=2)
        y = operations().transpose_convolve(x.astype(self.dtype), kernel)
        feature = leaky_relu(y[..., : self.features] + bias.astype(self.dtype))
        if self.gate == "self":
            gate = feature
        else:
            gate = y[..., -self.features :] + gate_bias.astype(self.dtype)
        return feature * jax.nn.sigmoid(gate)
