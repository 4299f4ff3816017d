"""The gradient penalty of a discriminator that is to judge a region of images only."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

# Under the root: the root's own gradient is infinite at 0.
_ROOT_EPSILON = 1e-12


def mix(real: jax.Array, fake: jax.Array, key: jax.Array) -> jax.Array:
    """Returns one point of the segment between each pair of images, uniformly drawn.

    real, fake: [B, H, W, C]. key: of the B shares.
    """
    share = jax.random.uniform(key, (len(real), 1, 1, 1), jnp.float32)
    return real + share * (fake - real)


def gradient_norms(
    scores_of: Callable[[jax.Array], jax.Array], images: jax.Array, hole: jax.Array
) -> jax.Array:
    """Returns of each image the length of its mean score's gradient inside its hole, float32 [B].

    sqrt(sum of m g^2), where g is the gradient of the mean of the image's score map by the image.
    scores_of: from images [B, H, W, C] to scores [B, ...]; no image's scores may depend on another
    image. hole m: [B, H, W, 1] of 0 and 1. (The form of Yu et al., ICCV 2019; they sum scores.)
    """

    def total(images: jax.Array) -> jax.Array:
        scores = scores_of(images).astype(jnp.float32)
        return scores.reshape(len(images), -1).mean(axis=1).sum()

    return norms_inside(jax.grad(total)(images), hole)


def norms_inside(gradients: jax.Array, hole: jax.Array) -> jax.Array:
    """Returns sqrt(sum of m g^2) of each image's gradient g [B, H, W, C], float32 [B]."""
    squares = jnp.square(gradients.astype(jnp.float32)) * hole
    return jnp.sqrt(squares.sum(axis=(1, 2, 3)) + _ROOT_EPSILON)


def gradient_penalty(norms: jax.Array, hole: jax.Array) -> jax.Array:
    """Returns the mean of (norm - 1)^2 over the images with a hole, float32 []; 0 without any.

    norms: of `gradient_norms`, [B]. hole: [B, H, W, 1]. An image without a hole has no gradient in
    it, and nothing that the discriminator does could give it one. (Gulrajani et al. 2017.)
    """
    has_hole = hole.any(axis=(1, 2, 3)).astype(jnp.float32)
    return (jnp.square(norms - 1) * has_hole).sum() / jnp.maximum(has_hole.sum(), 1)
