"""BigGAN's generator and projection discriminator (Brock et al., arXiv 1809.11096, appendix B).

The networks are those of the author's PyTorch code, in NHWC. Differences: biases start at zero,
as in the paper's TensorFlow networks (torch's default draws them), the first linear layer's
output is read as (4, 4, C), and 16 pixels are allowed, for small data sets; that size is ours.
"""

import functools
from collections.abc import Callable
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.nn import rematerialization
from jaxrepro.nn.blocks.residual import DownBlock, UpBlock
from jaxrepro.nn.forms.operations import operations_for
from jaxrepro.nn.norms.simple_norms import ScaleRelu
from jaxrepro.papers.biggan.network import variations
from jaxrepro.papers.biggan.network.class_conditional import (
    ClassConditionalGenerator,
    ProjectionDiscriminator,
    attention_layer,
    spectral_conv,
)
from jaxrepro.papers.biggan.network.widths import (
    DISCRIMINATOR_CHANNELS,
    SEED_SIDE,
    check_attention,
    discriminator_sides,
)


class Generator(ClassConditionalGenerator):
    """BigGAN's generator: from a latent vector and a class to an image.

    Attributes, besides those of `ClassConditionalGenerator`:
      hierarchical: cut z into equal chunks, one for the first layer and one for each block's
        conditional norms (skip-z). dim_z must be a multiple of the number of blocks plus one.
      depth: blocks of each size; the further ones follow the one that upsamples, keep the map's
        size and take the same chunk of z.
      upsampling: "nearest" or "bilinear".
      norm: "batch", or "weight" for normalised weights and no normalised activations.
      kernel_size, dilation: 3, 5 or 7, and 1 or 2; see `variations`, also for the norm.
    """

    hierarchical: bool = True
    depth: int = 1
    upsampling: str = "nearest"
    norm: str = "batch"
    kernel_size: int = 3
    dilation: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        variations.check_generator(self)
        num_chunks = len(self.widths)
        if self.hierarchical and (self.dim_z % num_chunks or self.dim_z <= 0):
            below = max(self.dim_z // num_chunks, 1) * num_chunks
            raise InputError(
                f"dim_z={self.dim_z}: a hierarchical generator of {self.resolution} pixels cuts "
                f"z into {num_chunks} equal chunks; choose {below} or {below + num_chunks}"
            )

    def setup(self) -> None:
        """Makes the layers."""
        super().setup()
        size: dict[str, Any] = {"kernel_size": self.kernel_size, "dilation": self.dilation}
        norm = variations.generator_norm(self)
        block = functools.partial(
            UpBlock, conv=self.conv, norm=norm, upsampling=self.upsampling, **size
        )
        self.blocks = [block(width) for width in self.widths[1:]]
        self.further_blocks = [
            [block(width, upsample=False) for _ in range(self.depth - 1)]
            for width in self.widths[1:]
        ]
        self.output_conv = self.conv(
            self.channels, self.kernel_size, operation=operations_for(**size).convolve
        )

    @property
    def conv(self) -> Callable[..., nn.Module]:
        """The maker of the convolutions."""
        return variations.generator_conv(self)

    def make_output_norm(self) -> nn.Module:
        """Returns the unconditional norm before the output convolution."""
        return ScaleRelu() if self.norm == "weight" else super().make_output_norm()

    def __call__(self, z: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns images float32 [B, resolution, resolution, channels] in [-1, 1].

        z: [B, dim_z], standard normal in training; labels: int32 [B] in [0, num_classes).
        With `train` the batch's own moments normalise, and the collections "batch_stats" (unless
        norm is "weight") and "spectral" are updated and must be mutable.
        """
        return self.synthesize(z, self.embed(labels), train=train)

    def synthesize(self, z: jax.Array, embedding: jax.Array, *, train: bool) -> jax.Array:
        """Returns the images of `__call__` from z [B, dim_z] and class vectors [B, E]."""
        chex.assert_shape(z, (None, self.dim_z))
        chex.assert_shape(embedding, (z.shape[0], self.shared_dim or self.num_classes))
        if self.hierarchical:
            first, *rest = jnp.split(z, len(self.blocks) + 1, axis=1)
            conditions = [jnp.concatenate([embedding, chunk], axis=1) for chunk in rest]
        else:
            first, conditions = z, [embedding] * len(self.blocks)
        h = self.first(first, train=train)
        h = h.reshape(z.shape[0], SEED_SIDE, SEED_SIDE, -1)
        call = functools.partial(rematerialization.call, train=train, remat=self.remat)
        for block, further, condition in zip(
            self.blocks, self.further_blocks, conditions, strict=True
        ):
            for layer in (block, *further):
                h = call(layer, h, condition)
            if str(h.shape[1]) in self.attentions:
                h = call(self.attentions[str(h.shape[1])], h)
        h = self.output_conv(self.output_norm(h, train=train), train=train)
        return jnp.tanh(h.astype(jnp.float32))


class Discriminator(ProjectionDiscriminator):
    """BigGAN's discriminator: the class projection of Miyato & Koyama (arXiv 1802.05637).

    The attributes mean what they mean in `Generator`, and raise the same InputError. Attention
    is placed after every block whose output has that side: at the last side, two or more.

    depth: the blocks after each one that halves the map, plus one; they keep the map's size.
    norm: "none", or "batch" or "conditional_batch" before every ReLU. In D's own update the
    moments are those of fake and real images together, in G's update those of the fakes alone.
    """

    depth: int = 1
    norm: str = "none"
    kernel_size: int = 3
    dilation: int = 1
    bn_epsilon: float = 1e-5
    bn_momentum: float = 0.1
    bn_groups: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        sides = discriminator_sides(self.resolution)
        check_attention("discriminator", self.attention, sides, self.widths)
        variations.check_discriminator(self)

    def setup(self) -> None:
        """Makes the layers."""
        super().setup()
        conv = spectral_conv(self)
        num_down = DISCRIMINATOR_CHANNELS[self.resolution][1]
        norm = variations.discriminator_norm(self)
        block = functools.partial(
            DownBlock, conv=conv, norm=norm, kernel_size=self.kernel_size, dilation=self.dilation
        )
        self.blocks = [
            block(width, downsample=i < num_down, rectify_input=i > 0)
            for i, width in enumerate(self.widths)
        ]
        self.further_blocks = [
            [block(width, downsample=False) for _ in range(self.depth - 1) if i < num_down]
            for i, width in enumerate(self.widths)
        ]
        self.output_norm = norm() if norm else None
        self.attentions = {
            str(i): attention_layer(conv)
            for i, side in enumerate(discriminator_sides(self.resolution))
            if side in self.attention
        }

    def __call__(self, images: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns logits float32 [B] from images [B, H, W, channels] in [-1, 1], labels int32 [B].

        With `train` the collections "spectral" and, with a norm, "batch_stats" are updated and
        must be mutable.
        """
        self.check_shapes(images, labels)
        h = images.astype(self.dtype)
        call = functools.partial(rematerialization.call, train=train, remat=self.remat)
        conditions = ()
        if self.norm == "conditional_batch":
            conditions = (jax.nn.one_hot(labels, self.num_classes, dtype=jnp.float32),)
        for i, block in enumerate(self.blocks):
            for layer in (block, *self.further_blocks[i]):
                h = call(layer, h, *conditions)
            if str(i) in self.attentions:
                h = call(self.attentions[str(i)], h)
        h = h.astype(jnp.float32)
        h = self.output_norm(h, *conditions, train=train) if self.output_norm else jax.nn.relu(h)
        return self.logits(h, labels, train=train)
