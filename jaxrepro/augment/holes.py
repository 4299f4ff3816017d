"""Augmentations that take a part of every image away: cutout and random erasing."""

import jax
import jax.numpy as jnp


def cutout(key: jax.Array, images: jax.Array, hole: int) -> jax.Array:
    """Returns images whose square of `hole` pixels a side around a random pixel is their mean.

    images: [B, H, W, C] of any type, kept. The centre is anywhere, so holes may reach outside. The
    mean is over the batch, by channel. DeVries, Taylor, "Improved Regularization of Convolutional
    Neural Networks with Cutout" (arXiv 1708.04552).
    """
    num, height, width = images.shape[:3]
    draw_row, draw_column = jax.random.split(key)
    top = jax.random.randint(draw_row, (num,), 0, height) - hole // 2
    left = jax.random.randint(draw_column, (num,), 0, width) - hole // 2
    inside = _inside(images, top, left, jnp.full(num, hole), jnp.full(num, hole))
    mean = images.astype(jnp.float32).mean(axis=(0, 1, 2))
    if not jnp.issubdtype(images.dtype, jnp.floating):
        mean = jnp.round(mean)
    return jnp.where(inside, mean.astype(images.dtype), images)


def random_erasing(
    key: jax.Array,
    images: jax.Array,
    *,
    probability: float = 0.5,
    areas: tuple[float, float] = (0.02, 0.4),
    ratio: float = 0.3,
) -> jax.Array:
    """Returns images in which a rectangle is noise, each with that probability.

    images: [B, H, W, C], of 0 to 255 whatever their type, kept. areas: the least and the greatest
    share of the image. ratio: the least of height to width; the greatest is its inverse, and they
    are as likely on a logarithmic scale. A rectangle that is too long is cut to the image. Zhong et
    al., "Random Erasing Data Augmentation" (arXiv 1708.04896); the constants are ours.
    """
    num, height, width = images.shape[:3]
    keys = jax.random.split(key, 6)
    area = jax.random.uniform(keys[0], (num,), minval=areas[0], maxval=areas[1]) * height * width
    bound = -jnp.log(ratio)
    shape = jnp.exp(jax.random.uniform(keys[1], (num,), minval=-bound, maxval=bound))
    tall = jnp.clip(jnp.round(jnp.sqrt(area * shape)), 1, height).astype(jnp.int32)
    wide = jnp.clip(jnp.round(jnp.sqrt(area / shape)), 1, width).astype(jnp.int32)
    top = jax.random.randint(keys[2], (num,), 0, height - tall + 1)
    left = jax.random.randint(keys[3], (num,), 0, width - wide + 1)
    chosen = jax.random.bernoulli(keys[4], probability, (num,))
    inside = _inside(images, top, left, tall, wide) & chosen[:, None, None, None]
    noise = jax.random.randint(keys[5], images.shape, 0, 256).astype(images.dtype)
    return jnp.where(inside, noise, images)


def _inside(
    images: jax.Array, top: jax.Array, left: jax.Array, tall: jax.Array, wide: jax.Array
) -> jax.Array:
    """Returns which pixels lie in each image's rectangle, bool [B, H, W, 1]."""
    row = jnp.arange(images.shape[1])[None, :, None, None]
    column = jnp.arange(images.shape[2])[None, None, :, None]
    top, left, tall, wide = (x[:, None, None, None] for x in (top, left, tall, wide))
    return (row >= top) & (row < top + tall) & (column >= left) & (column < left + wide)
