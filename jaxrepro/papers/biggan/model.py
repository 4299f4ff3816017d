"""BigGAN's generator and projection discriminator (Brock et al., arXiv 1809.11096, appendix B).

The networks are those of the author's PyTorch code, in NHWC. Differences: biases start at zero,
as in the paper's TensorFlow networks (torch's default draws them), the first linear layer's
output is read as (4, 4, C), and 16 pixels are allowed, for small data sets; that size is ours.
"""

import functools
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxrepro.core.errors import InputError
from jaxrepro.nn.attention import SelfAttention
from jaxrepro.nn.cond_norm import PlainLinear
from jaxrepro.nn.initializers import kernel_initializer
from jaxrepro.nn.operations import operations_for
from jaxrepro.nn.residual import DownBlock, UpBlock
from jaxrepro.nn.spectral_norm import SpectralConv, SpectralDense, SpectralEmbedding
from jaxrepro.papers.biggan import variations

# In units of ch, by resolution: the 4x4 seed's channels, then those after each block, which
# doubles the side.
GENERATOR_CHANNELS: dict[int, tuple[int, ...]] = {
    16: (4, 4, 2),
    32: (4, 4, 4, 4),
    64: (16, 16, 8, 4, 2),
    128: (16, 16, 8, 4, 2, 1),
    256: (16, 16, 8, 8, 4, 2, 1),
    512: (16, 16, 8, 8, 4, 2, 1, 1),
}
# In units of ch: the channels after each block, and how many of the blocks, the first ones,
# halve the side.
DISCRIMINATOR_CHANNELS: dict[int, tuple[tuple[int, ...], int]] = {
    16: ((1, 2, 4), 2),
    32: ((4, 4, 4, 4), 2),
    64: ((1, 2, 4, 8, 16), 4),
    128: ((1, 2, 4, 8, 16, 16), 5),
    256: ((1, 2, 4, 8, 8, 16, 16), 6),
    512: ((1, 1, 2, 4, 8, 8, 16, 16), 7),
}
SEED_SIDE = 4


def generator_sides(resolution: int) -> tuple[int, ...]:
    """Returns the sides, in pixels, of the maps after each block of the generator."""
    num_blocks = len(GENERATOR_CHANNELS[resolution]) - 1
    return tuple(SEED_SIDE * 2 ** (i + 1) for i in range(num_blocks))


def discriminator_sides(resolution: int) -> tuple[int, ...]:
    """Returns the sides, in pixels, of the maps after each block of the discriminator."""
    channels, num_down = DISCRIMINATOR_CHANNELS[resolution]
    return tuple(resolution // 2 ** min(i + 1, num_down) for i in range(len(channels)))


def _check_resolution(resolution: int) -> None:
    if resolution not in GENERATOR_CHANNELS:
        allowed = ", ".join(map(str, GENERATOR_CHANNELS))
        raise InputError(f"resolution={resolution}: choose one of {allowed}")


def _check_attention(
    network: str, attention: tuple[int, ...], sides: tuple[int, ...], channels: tuple[int, ...]
) -> None:
    missing = [side for side in attention if side not in sides]
    if missing:
        allowed = ", ".join(map(str, sorted(set(sides))))
        raise InputError(
            f"attention={attention}: the {network} has no map of side "
            f"{', '.join(map(str, missing))}; choose among {allowed}, or () for none"
        )
    for side, width in zip(sides, channels, strict=True):
        if side in attention and width < 8:
            raise InputError(
                f"attention at {side} of the {network} needs at least 8 channels and has "
                f"{width}: raise ch"
            )


class Generator(nn.Module):
    """BigGAN's generator: from a latent vector and a class to an image.

    Attributes:
      resolution: side of the images, a key of GENERATOR_CHANNELS.
      ch: the channel multiplier, 96 in the paper.
      dim_z: length of the latent vector; if `hierarchical`, a multiple of the number of
        blocks plus one.
      shared_dim: length of the class embedding that all conditional norms share; 0 gives each
        of them its own table of num_classes gains and biases, without spectral norm.
      hierarchical: cut z into equal chunks, one for the first layer and one for each block's
        conditional norms (skip-z).
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
      depth: blocks of each size; the further ones follow the one that upsamples, keep the map's
        size and take the same chunk of z.
      upsampling: "nearest" or "bilinear".
      norm: "batch", or "weight" for normalised weights and no normalised activations.
      kernel_size, dilation: 3, 5 or 7, and 1 or 2; see `variations`, also for the norm.

    Raises:
      InputError: one of these is not allowed.
    """

    resolution: int
    ch: int
    dim_z: int
    num_classes: int
    channels: int = 3
    shared_dim: int = 128
    hierarchical: bool = True
    attention: tuple[int, ...] = (64,)
    bn_epsilon: float = 1e-5
    sn_epsilon: float = 1e-6
    bn_momentum: float = 0.1
    output_bn_epsilon: float | None = None
    bn_groups: int = 1
    kernel_init: str = "ortho"
    dtype: jnp.dtype = jnp.float32
    depth: int = 1
    upsampling: str = "nearest"
    norm: str = "batch"
    kernel_size: int = 3
    dilation: int = 1

    def __post_init__(self) -> None:
        _check_resolution(self.resolution)
        widths = tuple(self.ch * m for m in GENERATOR_CHANNELS[self.resolution])
        _check_attention("generator", self.attention, generator_sides(self.resolution), widths[1:])
        num_chunks = len(widths)
        if self.hierarchical and (self.dim_z % num_chunks or self.dim_z <= 0):
            below = max(self.dim_z // num_chunks, 1) * num_chunks
            raise InputError(
                f"dim_z={self.dim_z}: a hierarchical generator of {self.resolution} pixels cuts "
                f"z into {num_chunks} equal chunks; choose {below} or {below + num_chunks}"
            )
        kernel_initializer(self.kernel_init)
        variations.check_generator(self)
        super().__post_init__()

    def setup(self) -> None:
        """Makes the layers."""
        init = kernel_initializer(self.kernel_init)
        spectral = {"epsilon": self.sn_epsilon, "kernel_init": init, "dtype": self.dtype}
        conv = variations.generator_conv(self)
        if self.shared_dim:
            self.shared = nn.Embed(
                self.num_classes, self.shared_dim, embedding_init=init, dtype=jnp.float32
            )
            linear = functools.partial(
                SpectralDense, use_bias=False, epsilon=self.sn_epsilon, kernel_init=init
            )
        else:
            linear = functools.partial(PlainLinear, kernel_init=init)
        norm, self.output_norm = variations.generator_norms(self, linear)
        seed, *widths = (self.ch * m for m in GENERATOR_CHANNELS[self.resolution])
        self.first = SpectralDense(SEED_SIDE * SEED_SIDE * seed, **spectral)
        size: dict[str, Any] = {"kernel_size": self.kernel_size, "dilation": self.dilation}
        block = functools.partial(UpBlock, conv=conv, norm=norm, upsampling=self.upsampling, **size)
        self.blocks = [block(width) for width in widths]
        self.further_blocks = [
            [block(width, upsample=False) for _ in range(self.depth - 1)] for width in widths
        ]
        point_conv = functools.partial(conv, kernel_size=1, use_bias=False)
        self.attentions = {
            str(side): SelfAttention(conv=point_conv)
            for side in generator_sides(self.resolution)
            if side in self.attention
        }
        self.output_conv = conv(
            self.channels, self.kernel_size, operation=operations_for(**size).convolve
        )

    def __call__(self, z: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns images float32 [B, resolution, resolution, channels] in [-1, 1].

        z: [B, dim_z], standard normal in training; labels: int32 [B] in [0, num_classes).
        With `train` the batch's own moments normalise, and the collections "batch_stats" (unless
        norm is "weight") and "spectral" are updated and must be mutable.
        """
        return self.synthesize(z, self.embed(labels), train=train)

    def embed(self, labels: jax.Array) -> jax.Array:
        """Returns the class vectors of labels [B], which `synthesize` takes.

        [B, shared_dim], or one-hot [B, num_classes] if the embedding is not shared; points
        between two classes' vectors are allowed in both.
        """
        chex.assert_rank(labels, 1)
        if self.shared_dim:
            return self.shared(labels)
        return jax.nn.one_hot(labels, self.num_classes, dtype=jnp.float32)

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
        for block, further, condition in zip(
            self.blocks, self.further_blocks, conditions, strict=True
        ):
            for layer in (block, *further):
                h = layer(h, condition, train=train)
            if str(h.shape[1]) in self.attentions:
                h = self.attentions[str(h.shape[1])](h, train=train)
        h = self.output_conv(self.output_norm(h, train=train), train=train)
        return jnp.tanh(h.astype(jnp.float32))


class Discriminator(nn.Module):
    """BigGAN's discriminator: the class projection of Miyato & Koyama (arXiv 1802.05637).

    The attributes mean what they mean in `Generator`, and raise the same InputError. Attention
    is placed after every block whose output has that side: at the last side, two or more.

    depth: the blocks after each one that halves the map, plus one; they keep the map's size.
    norm: "none", or "batch" or "conditional_batch" before every ReLU. In D's own update the
    moments are those of fake and real images together, in G's update those of the fakes alone.
    """

    resolution: int
    ch: int
    num_classes: int
    channels: int = 3
    attention: tuple[int, ...] = (64,)
    sn_epsilon: float = 1e-6
    kernel_init: str = "ortho"
    dtype: jnp.dtype = jnp.float32
    depth: int = 1
    norm: str = "none"
    kernel_size: int = 3
    dilation: int = 1
    bn_epsilon: float = 1e-5
    bn_momentum: float = 0.1
    bn_groups: int = 1

    def __post_init__(self) -> None:
        _check_resolution(self.resolution)
        widths = tuple(self.ch * m for m in DISCRIMINATOR_CHANNELS[self.resolution][0])
        sides = discriminator_sides(self.resolution)
        _check_attention("discriminator", self.attention, sides, widths)
        kernel_initializer(self.kernel_init)
        variations.check_discriminator(self)
        super().__post_init__()

    def setup(self) -> None:
        """Makes the layers."""
        init = kernel_initializer(self.kernel_init)
        spectral = {"epsilon": self.sn_epsilon, "kernel_init": init}
        conv = functools.partial(SpectralConv, dtype=self.dtype, **spectral)
        multiples, num_down = DISCRIMINATOR_CHANNELS[self.resolution]
        norm = variations.discriminator_norm(self)
        block = functools.partial(
            DownBlock, conv=conv, norm=norm, kernel_size=self.kernel_size, dilation=self.dilation
        )
        self.blocks = [
            block(self.ch * m, downsample=i < num_down, rectify_input=i > 0)
            for i, m in enumerate(multiples)
        ]
        self.further_blocks = [
            [block(self.ch * m, downsample=False) for _ in range(self.depth - 1) if i < num_down]
            for i, m in enumerate(multiples)
        ]
        self.output_norm = norm() if norm else None
        point_conv = functools.partial(conv, kernel_size=1, use_bias=False)
        self.attentions = {
            str(i): SelfAttention(conv=point_conv)
            for i, side in enumerate(discriminator_sides(self.resolution))
            if side in self.attention
        }
        self.linear = SpectralDense(1, **spectral)
        self.embedding = SpectralEmbedding(self.num_classes, self.ch * multiples[-1], **spectral)

    def __call__(self, images: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Returns logits float32 [B] from images [B, H, W, channels] in [-1, 1], labels int32 [B].

        With `train` the collections "spectral" and, with a norm, "batch_stats" are updated and
        must be mutable.
        """
        side = self.resolution
        chex.assert_shape(images, (None, side, side, self.channels))
        chex.assert_shape(labels, (images.shape[0],))
        h = images.astype(self.dtype)
        conditions = ()
        if self.norm == "conditional_batch":
            conditions = (jax.nn.one_hot(labels, self.num_classes, dtype=jnp.float32),)
        for i, block in enumerate(self.blocks):
            for layer in (block, *self.further_blocks[i]):
                h = layer(h, *conditions, train=train)
            if str(i) in self.attentions:
                h = self.attentions[str(i)](h, train=train)
        h = h.astype(jnp.float32)
        h = self.output_norm(h, *conditions, train=train) if self.output_norm else jax.nn.relu(h)
        h = jnp.sum(h, axis=(1, 2))
        projection = jnp.sum(self.embedding(labels, train=train) * h, axis=1)
        return self.linear(h, train=train)[:, 0] + projection
