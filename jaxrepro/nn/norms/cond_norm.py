"""Class-conditional gains and biases, with batch normalisation or without normalisation."""

from collections.abc import Callable

import chex
import flax.linen as nn
import jax

from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.nn.norms.simple_norms import ScaleRelu


class PlainLinear(nn.Module):
    """A linear layer without bias or spectral norm: of one-hot rows, an embedding table."""

    features: int
    kernel_init: Callable[..., jax.Array]

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Returns float32 [B, features]; `train` changes nothing."""
        del train
        # Named as the table it is: orthogonal regularisation takes its rows for outputs.
        table = self.param("embedding", self.kernel_init, (x.shape[-1], self.features))
        # The product picks rows, which it must not round, also where matmuls are reduced.
        return jax.numpy.dot(x, table, precision=jax.lax.Precision.HIGHEST)


class ConditionalBatchNormRelu(nn.Module):
    """Batch normalisation with gain 1 + L_g(c) and bias L_b(c), then a ReLU.

    `linear(features, name=...)` makes the linear maps L_g and L_b; they have no bias. (BigGAN,
    arXiv 1809.11096, appendix B; de Vries et al., arXiv 1707.00683.)
    """

    linear: Callable[..., nn.Module]
    epsilon: float = 1e-5
    momentum: float = 0.1
    num_groups: int = 1

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, H, W, C] >= 0 from x [B, H, W, C] and the condition c [B, E]."""
        chex.assert_rank([x, condition], [4, 2])
        channels = x.shape[-1]
        gain = 1 + self.linear(channels, name="gain")(condition, train=train)
        bias = self.linear(channels, name="bias")(condition, train=train)
        normalize = BatchNormRelu(
            epsilon=self.epsilon,
            momentum=self.momentum,
            num_groups=self.num_groups,
            name="normalize",
        )
        return normalize(x, gain, bias, train=train)


class ConditionalScaleRelu(nn.Module):
    """Gain 1 + L_g(c) and bias L_b(c) without normalisation, then a ReLU.

    What is left of `ConditionalBatchNormRelu` where the weights are normalised instead; `linear`
    as there.
    """

    linear: Callable[..., nn.Module]

    @nn.compact
    def __call__(self, x: jax.Array, condition: jax.Array, *, train: bool) -> jax.Array:
        """Returns [B, H, W, C] >= 0 from x [B, H, W, C] and the condition c [B, E]."""
        chex.assert_rank([x, condition], [4, 2])
        channels = x.shape[-1]
        gain = 1 + self.linear(channels, name="gain")(condition, train=train)
        bias = self.linear(channels, name="bias")(condition, train=train)
        return ScaleRelu(name="scale")(x, gain, bias, train=train)
