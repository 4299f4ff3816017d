"""What an augmentation that mixes examples returns, and mixup, the plainest of them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Patched(NamedTuple):
    """A batch made of several others.

    images: [B, H, W, C], of the type of the batch. labels: int32 [P, B], classes that each image
    has parts of. shares: float32 [P] or [P, B], how much; they sum to 1 over P. It is what
    `losses.mixed_labels.mixed_cross_entropy` takes.
    """

    images: jax.Array
    labels: jax.Array
    shares: jax.Array


def unmixed(images: jax.Array, labels: jax.Array) -> Patched:
    """Returns a batch as it is: one label an image, with the share 1."""
    return Patched(images, labels.astype(jnp.int32)[None], jnp.ones((1,), jnp.float32))


def mixup(key: jax.Array, images: jax.Array, labels: jax.Array, alpha: float = 1.0) -> Patched:
    """Returns a weighted mean of the batch and a permutation of it, as float32.

    images: [B, H, W, C], of any type; labels: int [B]. The weight is drawn once a batch from
    Beta(alpha, alpha), alpha > 0. Zhang et al., "mixup" (ICLR 2018, arXiv 1710.09412), and its
    authors' code, which draws one weight for a batch.
    """
    draw_share, draw_order = jax.random.split(key)
    share = jax.random.beta(draw_share, alpha, alpha)
    order = jax.random.permutation(draw_order, len(images))
    x = images.astype(jnp.float32)
    return Patched(
        share * x + (1 - share) * x[order],
        jnp.stack([labels, labels[order]]).astype(jnp.int32),
        jnp.stack([share, 1 - share]),
    )
