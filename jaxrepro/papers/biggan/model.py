"""BigGAN's generator and projection discriminator (Brock et al., arXiv 1809.11096, appendix B).

The networks are those of the author's PyTorch code, in NHWC. Differences: biases start at zero,
as in the paper's TensorFlow networks (torch's default draws them), the first linear layer's
output is read as (4, 4, C), and 16 pixels are allowed, for small data sets; that size is ours.
"""

import functools

import chex
import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.nn import rematerialization
from jaxrepro.nn.residual import DownBlock, UpBlock
from jaxrepro.papers.biggan.class_conditional import (
    ClassConditionalGenerator,
    ProjectionDiscriminator,
    attention_layer,
    conditional_norm,
    spectral_conv,
)
from jaxrepro.papers.biggan.widths import (
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
    """

    hierarchical: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
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
        conv, norm = spectral_conv(self), conditional_norm(self)
        self.blocks = [UpBlock(width, conv=conv, norm=norm) for width in self.widths[1:]]
        self.output_conv = conv(self.channels)

    def __call__(self, z: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns images float32 [B, resolution, resolution, channels] in [-1, 1].

        z: [B, dim_z], standard normal in training; labels: int32 [B] in [0, num_classes).
        With `train` the batch's own moments normalise, and the collections "batch_stats" and
        "spectral" are updated and must be mutable.
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
        for block, condition in zip(self.blocks, conditions, strict=True):
            h = call(block, h, condition)
            if str(h.shape[1]) in self.attentions:
                h = call(self.attentions[str(h.shape[1])], h)
        h = self.output_conv(self.output_norm(h, train=train), train=train)
        return jnp.tanh(h.astype(jnp.float32))


class Discriminator(ProjectionDiscriminator):
    """BigGAN's discriminator: the class projection of Miyato & Koyama (arXiv 1802.05637).

    The attributes mean what they mean in `Generator`, and raise the same InputError. Attention
    is placed after every block whose output has that side: at the last side, two or more.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        sides = discriminator_sides(self.resolution)
        check_attention("discriminator", self.attention, sides, self.widths)

    def setup(self) -> None:
        """Makes the layers."""
        super().setup()
        conv = spectral_conv(self)
        num_down = DISCRIMINATOR_CHANNELS[self.resolution][1]
        self.blocks = [
            DownBlock(width, conv=conv, downsample=i < num_down, rectify_input=i > 0)
            for i, width in enumerate(self.widths)
        ]
        self.attentions = {
            str(i): attention_layer(self)
            for i, side in enumerate(discriminator_sides(self.resolution))
            if side in self.attention
        }

    def __call__(self, images: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns logits float32 [B] from images [B, H, W, channels] in [-1, 1], labels int32 [B].

        With `train` the collection "spectral" is updated and must be mutable.
        """
        self.check_shapes(images, labels)
        h = images.astype(self.dtype)
        call = functools.partial(rematerialization.call, train=train, remat=self.remat)
        for i, block in enumerate(self.blocks):
            h = call(block, h)
            if str(i) in self.attentions:
                h = self.attentions[str(i)](h, train=train)
        return self.logits(h, labels, train=train)
