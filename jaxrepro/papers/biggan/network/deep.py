"""BigGAN-deep's generator and discriminator (Brock et al., arXiv 1809.11096, appendix B).

The networks are those of the author's PyTorch code, in NHWC, with the differences that
`model.py` states for BigGAN, and with 512 pixels, whose widths are those of the published
TensorFlow networks. A stage is the group of blocks between two changes of side.
"""

import functools
import itertools

import chex
import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.nn import rematerialization
from jaxrepro.nn.blocks.bottleneck import BOTTLENECK_RATIO, BottleneckDownBlock, BottleneckUpBlock
from jaxrepro.papers.biggan.network.class_conditional import (
    ClassConditionalGenerator,
    ProjectionDiscriminator,
    attention_layer,
    conditional_norm,
    spectral_conv,
)
from jaxrepro.papers.biggan.network.widths import (
    DISCRIMINATOR_CHANNELS,
    GENERATOR_CHANNELS,
    SEED_SIDE,
    check_attention,
    discriminator_sides,
)


def deep_generator_widths(resolution: int, depth: int) -> tuple[int, ...]:
    """Returns the channels after each block of the generator, in units of ch.

    All blocks of a stage but the last keep the width that the stage was given.
    """
    widths = GENERATOR_CHANNELS[resolution]
    stages = itertools.pairwise(widths)
    return tuple(width for old, new in stages for width in (*[old] * (depth - 1), new))


def deep_discriminator_widths(resolution: int, depth: int) -> tuple[int, ...]:
    """Returns the channels after each block of the discriminator, in units of ch."""
    widths = DISCRIMINATOR_CHANNELS[resolution][0]
    return tuple(width for width in widths[1:] for _ in range(depth))


def deep_discriminator_sides(resolution: int) -> tuple[int, ...]:
    """Returns the sides, in pixels, of the maps after each stage of the discriminator."""
    # The first width is that of the input convolution, which keeps the side.
    return discriminator_sides(resolution)[:-1]


def _check_depth(depth: int) -> None:
    if depth < 1:
        raise InputError(f"depth={depth}: choose 1 block or more at each resolution")


def _check_bottlenecks(network: str, ch: int, widths: tuple[int, ...]) -> None:
    """Raises InputError unless all those widths leave a channel to a bottleneck."""
    if min(widths) < BOTTLENECK_RATIO:
        raise InputError(
            f"ch={ch}: the {network}'s narrowest block has {min(widths)} channels and needs "
            f"{BOTTLENECK_RATIO}, four times those of its bottleneck: raise ch"
        )


class DeepGenerator(ClassConditionalGenerator):
    """BigGAN-deep's generator: from a latent vector and a class to an image.

    The class vector and all of z, in this order, condition every norm and enter the first
    layer. Attention is placed after the last block of a stage.

    Attributes, besides those of `ClassConditionalGenerator`:
      shared_dim: at least 1.
      depth: blocks in a stage; the last one changes the width and doubles the side.
      output_channels: outputs of the last convolution, of which the first `channels` make the
        image; None means `channels`. The published TensorFlow networks have 128.
    """

    depth: int = 2
    output_channels: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_depth(self.depth)
        _check_bottlenecks("generator", self.ch, self.widths[:-1])
        if self.shared_dim < 1:
            raise InputError(
                f"shared_dim={self.shared_dim}: BigGAN-deep has a shared class embedding; "
                "choose 1 or more"
            )
        if self.output_channels is not None and self.output_channels < self.channels:
            raise InputError(
                f"output_channels={self.output_channels} are fewer than the {self.channels} "
                "channels of an image"
            )

    def setup(self) -> None:
        """Makes the layers."""
        super().setup()
        conv, norm = self.conv, conditional_norm(self)
        self.blocks = [
            BottleneckUpBlock(self.ch * m, conv=conv, norm=norm, upsample=(i + 1) % self.depth == 0)
            for i, m in enumerate(deep_generator_widths(self.resolution, self.depth))
        ]
        outputs = self.channels if self.output_channels is None else self.output_channels
        self.output_conv = conv(outputs)

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
        chex.assert_shape(embedding, (z.shape[0], self.shared_dim))
        condition = jnp.concatenate([embedding, z], axis=1)
        h = self.first(condition, train=train)
        h = h.reshape(z.shape[0], SEED_SIDE, SEED_SIDE, -1)
        call = functools.partial(rematerialization.call, train=train, remat=self.remat)
        for block in self.blocks:
            h = call(block, h, condition)
            if block.upsample and str(h.shape[1]) in self.attentions:
                h = call(self.attentions[str(h.shape[1])], h)
        h = self.output_conv(self.output_norm(h, train=train), train=train)
        return jnp.tanh(h[..., : self.channels].astype(jnp.float32))


class DeepDiscriminator(ProjectionDiscriminator):
    """BigGAN-deep's discriminator: the class projection of Miyato & Koyama (arXiv 1802.05637).

    The attributes mean what they mean in `DeepGenerator`, and raise the same InputError; the
    first block of a stage changes the width and halves the side. Attention is placed after the
    last block of every stage of that side.
    """

    depth: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_depth(self.depth)
        _check_bottlenecks("discriminator", self.ch, self.widths[1:])
        sides = deep_discriminator_sides(self.resolution)
        check_attention("discriminator", self.attention, sides, self.widths[1:])

    def setup(self) -> None:
        """Makes the layers."""
        super().setup()
        conv = spectral_conv(self)
        num_down = DISCRIMINATOR_CHANNELS[self.resolution][1]
        self.input_conv = conv(self.widths[0])
        self.blocks = [
            BottleneckDownBlock(
                self.ch * m,
                conv=conv,
                downsample=i % self.depth == 0 and i // self.depth < num_down,
            )
            for i, m in enumerate(deep_discriminator_widths(self.resolution, self.depth))
        ]
        self.attentions = {
            str(stage): attention_layer(conv)
            for stage, side in enumerate(deep_discriminator_sides(self.resolution))
            if side in self.attention
        }

    def __call__(self, images: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns logits float32 [B] from images [B, H, W, channels] in [-1, 1], labels int32 [B].

        With `train` the collection "spectral" is updated and must be mutable.
        """
        self.check_shapes(images, labels)
        h = self.input_conv(images.astype(self.dtype), train=train)
        call = functools.partial(rematerialization.call, train=train, remat=self.remat)
        for i, block in enumerate(self.blocks):
            h = call(block, h)
            stage, block_of_stage = divmod(i, self.depth)
            if block_of_stage == self.depth - 1 and str(stage) in self.attentions:
                h = call(self.attentions[str(stage)], h)
        return self.logits(jax.nn.relu(h), labels, train=train)
