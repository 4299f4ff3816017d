"""What the networks of BigGAN and BigGAN-deep share: all but the blocks and the way through."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.nn.blocks.attention import SelfAttention
from jaxrepro.nn.initializers import kernel_initializer
from jaxrepro.nn.norms.batch_norm import BatchNormRelu
from jaxrepro.nn.norms.cond_norm import ConditionalBatchNormRelu, PlainLinear
from jaxrepro.nn.norms.spectral_norm import SpectralConv, SpectralDense, SpectralEmbedding
from jaxrepro.papers.biggan.network.widths import (
    DISCRIMINATOR_CHANNELS,
    GENERATOR_CHANNELS,
    SEED_SIDE,
    check_attention,
    check_resolution,
    generator_sides,
)


class ClassConditionalGenerator(nn.Module):
    """The settings of a generator, its class vectors and the layers outside its blocks.

    Attributes:
      resolution: side of the images, a key of GENERATOR_CHANNELS.
      ch: the channel multiplier, in the paper 96, and 128 for BigGAN-deep.
      dim_z: length of the latent vector.
      shared_dim: length of the class embedding that all conditional norms share; 0 gives each
        of them its own table of num_classes gains and biases, without spectral norm.
      attention: sides of the maps after which self-attention is placed.
      bn_momentum: share of the new batch in the running moments (torch's meaning).
      output_bn_epsilon: epsilon of the last, unconditional norm; None means bn_epsilon. The
        author's code always has 1e-5 there.
      bn_groups: number of runs of consecutive examples normalised each by itself; 1 means the
        whole batch, over all devices. The author's code has one for each GPU, and keeps the
        running moments of the first GPU alone; here they follow the mean over the groups,
        which has the same expectation and less noise.
      kernel_init: "ortho", "N02" or "xavier".
      dtype: of the computation; parameters, moments and singular vectors stay float32.
      spectral: divide kernels by their singular values. False is for published kernels that
        are divided already.
      remat: compute the blocks and attentions again in the backward pass, to save memory.

    Raises:
      InputError: one of these is not allowed.
    """

    resolution: int
    ch: int
    dim_z: int
    num_classes: int
    channels: int = 3
    shared_dim: int = 128
    attention: tuple[int, ...] = (64,)
    bn_epsilon: float = 1e-5
    sn_epsilon: float = 1e-6
    bn_momentum: float = 0.1
    output_bn_epsilon: float | None = None
    bn_groups: int = 1
    kernel_init: str = "ortho"
    dtype: jnp.dtype = jnp.float32
    spectral: bool = True
    remat: bool = False

    def __post_init__(self) -> None:
        check_resolution(self.resolution)
        sides = generator_sides(self.resolution)
        check_attention("generator", self.attention, sides, self.widths[1:])
        kernel_initializer(self.kernel_init)
        super().__post_init__()

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of the seed and of the map of each further side."""
        return tuple(self.ch * m for m in GENERATOR_CHANNELS[self.resolution])

    def setup(self) -> None:
        """Makes the layers outside the blocks, but for the output convolution."""
        init = kernel_initializer(self.kernel_init)
        if self.shared_dim:
            self.shared = nn.Embed(
                self.num_classes, self.shared_dim, embedding_init=init, dtype=jnp.float32
            )
        self.first = SpectralDense(
            SEED_SIDE * SEED_SIDE * self.widths[0],
            epsilon=self.sn_epsilon,
            kernel_init=init,
            dtype=self.dtype,
            normalize=self.spectral,
        )
        self.attentions = {
            str(side): attention_layer(self.conv)
            for side in generator_sides(self.resolution)
            if side in self.attention
        }
        self.output_norm = self.make_output_norm()

    @property
    def conv(self) -> Callable[..., nn.Module]:
        """The maker of the convolutions, `conv(features, kernel_size, name=...)`."""
        return spectral_conv(self)

    def make_output_norm(self) -> nn.Module:
        """Returns the unconditional norm before the output convolution."""
        epsilon = self.bn_epsilon if self.output_bn_epsilon is None else self.output_bn_epsilon
        return BatchNormRelu(epsilon=epsilon, momentum=self.bn_momentum, num_groups=self.bn_groups)

    def embed(self, labels: jax.Array) -> jax.Array:
        """Returns the class vectors of labels [B], which `synthesize` takes.

        [B, shared_dim], or one-hot [B, num_classes] if the embedding is not shared; points
        between two classes' vectors are allowed in both.
        """
        chex.assert_rank(labels, 1)
        if self.shared_dim:
            return self.shared(labels)
        return jax.nn.one_hot(labels, self.num_classes, dtype=jnp.float32)


class ProjectionDiscriminator(nn.Module):
    """The settings of a discriminator and its head, the class projection.

    The attributes mean what they mean in `ClassConditionalGenerator`, and raise the same
    InputError. (Miyato & Koyama, arXiv 1802.05637.)
    """

    resolution: int
    ch: int
    num_classes: int
    channels: int = 3
    attention: tuple[int, ...] = (64,)
    sn_epsilon: float = 1e-6
    kernel_init: str = "ortho"
    dtype: jnp.dtype = jnp.float32
    remat: bool = False
    # As in `ClassConditionalGenerator`, but no setting.
    spectral: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_resolution(self.resolution)
        kernel_initializer(self.kernel_init)
        super().__post_init__()

    @property
    def widths(self) -> tuple[int, ...]:
        """The channels of DISCRIMINATOR_CHANNELS."""
        return tuple(self.ch * m for m in DISCRIMINATOR_CHANNELS[self.resolution][0])

    def setup(self) -> None:
        """Makes the layers of the head."""
        spectral = {
            "epsilon": self.sn_epsilon,
            "kernel_init": kernel_initializer(self.kernel_init),
        }
        self.linear = SpectralDense(1, **spectral)
        self.embedding = SpectralEmbedding(self.num_classes, self.widths[-1], **spectral)

    def check_shapes(self, images: jax.Array, labels: jax.Array) -> None:
        """Raises AssertionError unless images are [B, side, side, channels] and labels [B]."""
        chex.assert_shape(images, (None, self.resolution, self.resolution, self.channels))
        chex.assert_shape(labels, (images.shape[0],))

    def logits(self, h: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns logits float32 [B] from the last map [B, H, W, C], >= 0, and labels [B]."""
        h = jnp.sum(h.astype(jnp.float32), axis=(1, 2))
        projection = jnp.sum(self.embedding(labels, train=train) * h, axis=1)
        return self.linear(h, train=train)[:, 0] + projection


def spectral_conv(module: Any) -> Callable[..., SpectralConv]:
    """Returns the maker of a network's convolutions, from its settings."""
    return functools.partial(
        SpectralConv,
        epsilon=module.sn_epsilon,
        kernel_init=kernel_initializer(module.kernel_init),
        dtype=module.dtype,
        normalize=module.spectral,
    )


def conditional_linear(generator: ClassConditionalGenerator) -> Callable[..., nn.Module]:
    """Returns the maker of the maps from a condition to gains and biases."""
    init = kernel_initializer(generator.kernel_init)
    if not generator.shared_dim:
        return functools.partial(PlainLinear, kernel_init=init)
    return functools.partial(
        SpectralDense,
        use_bias=False,
        epsilon=generator.sn_epsilon,
        kernel_init=init,
        normalize=generator.spectral,
    )


def conditional_norm(
    generator: ClassConditionalGenerator,
) -> Callable[..., ConditionalBatchNormRelu]:
    """Returns the maker of a generator's conditional norms, from its settings."""
    return functools.partial(
        ConditionalBatchNormRelu,
        linear=conditional_linear(generator),
        epsilon=generator.bn_epsilon,
        momentum=generator.bn_momentum,
        num_groups=generator.bn_groups,
    )


def attention_layer(conv: Callable[..., nn.Module]) -> SelfAttention:
    """Returns a new attention layer of convolutions that `conv` makes."""
    return SelfAttention(conv=functools.partial(conv, kernel_size=1, use_bias=False))
