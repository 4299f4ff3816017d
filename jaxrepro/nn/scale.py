"""A gain and a bias for each channel followed by a ReLU: batch norm's outer part alone."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp


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
