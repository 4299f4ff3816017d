"""What the networks are given: picture, mask, sketch, colour strokes and noise as one array.

An example's conditions are a mapping of uint8 arrays, alone or with leading batch axes:

    image    [H, W, 3]   RGB (or the order of the weights), 0 to 255
    mask     [H, W, 1]   1 = erased
    sketch   [H, W, 1]   1 = line
    color    [H, W, 3]   in the order of `image`
    strokes  [H, W, 1]   1 = a colour is given here
    noise    [H, W, 1]   1 with `drops.NOISE_PROBABILITY`

None of them is multiplied by the mask yet; that is done here.
"""

from collections.abc import Mapping

import chex
import jax
import jax.numpy as jnp

from jaxrepro.papers.scfegan.examples.drops import NOISE_PROBABILITY

Conditions = Mapping[str, jax.Array]

GENERATOR_CHANNELS = 9


def scaled(image: jax.Array) -> jax.Array:
    """Returns float32 in [-1, 1] of bytes 0 to 255."""
    return image.astype(jnp.float32) / 127.5 - 1


def to_bytes(image: jax.Array) -> jax.Array:
    """Returns uint8 of an image in [-1, 1], to the nearest: the inverse of `scaled`.

    The authors' code cuts the fraction off, which darkens a picture by half a level.
    """
    return jnp.clip(jnp.round((image.astype(jnp.float32) + 1) * 127.5), 0, 255).astype(jnp.uint8)


def draw_noise(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Returns uint8 {0, 1} of that shape, 1 with probability `NOISE_PROBABILITY`."""
    return jax.random.bernoulli(key, NOISE_PROBABILITY, shape).astype(jnp.uint8)


def user_input(conditions: Conditions) -> jax.Array:
    """Returns float32 [..., H, W, 4]: sketch and colour inside the mask, 0 outside.

    The sketch is 0 or 1. The colour is in [-1, 1] and -1 where none is given, so black and none
    are the same to the networks.
    """
    mask = conditions["mask"].astype(jnp.float32)
    sketch = conditions["sketch"].astype(jnp.float32)
    color = jnp.where(conditions["strokes"] > 0, scaled(conditions["color"]), -1.0)
    return jnp.concatenate([sketch, color], axis=-1) * mask


def generator_input(conditions: Conditions) -> jax.Array:
    """Returns float32 [..., H, W, 9]: image, sketch, colour, mask, noise, in that order.

    The image is in [-1, 1] and 0 where it is erased; the mask is 1 there; the noise is 0 or 1
    there. See `user_input` for sketch and colour.
    """
    _check(conditions, noise=True)
    mask = conditions["mask"].astype(jnp.float32)
    image = scaled(conditions["image"]) * (1 - mask)
    noise = conditions["noise"].astype(jnp.float32) * mask
    return jnp.concatenate([image, user_input(conditions), mask, noise], axis=-1)


def discriminator_input(
    image: jax.Array, conditions: Conditions, *, with_user_input: bool = True, noise: bool = False
) -> jax.Array:
    """Returns float32 [..., H, W, 8]: image, sketch, colour, mask.

    image: float [..., H, W, 3] in [-1, 1], a real one or a composite; the derivative with respect
    to it is what a gradient penalty needs. with_user_input: without it sketch and colour are left
    out (4 channels). noise: one channel more, the noise inside the mask.
    """
    _check(conditions, noise=noise)
    mask = conditions["mask"].astype(jnp.float32)
    parts = [image.astype(jnp.float32)]
    if with_user_input:
        parts.append(user_input(conditions))
    parts.append(mask)
    if noise:
        parts.append(conditions["noise"].astype(jnp.float32) * mask)
    return jnp.concatenate(parts, axis=-1)


def discriminator_channels(*, with_user_input: bool = True, noise: bool = False) -> int:
    """Returns how many channels `discriminator_input` makes."""
    return 4 + 4 * with_user_input + noise


def composite(generated: jax.Array, image: jax.Array, mask: jax.Array) -> jax.Array:
    """Returns [..., H, W, 3]: `generated` where the mask is 1, `image` elsewhere, to the last bit.

    generated, image: of one dtype, float or uint8. mask: [..., H, W, 1], 0 or 1, any dtype.
    """
    return jnp.where(mask > 0, generated, image)


def _check(conditions: Conditions, *, noise: bool) -> None:
    *batch, height, width, _ = conditions["image"].shape
    channels = {"image": 3, "mask": 1, "sketch": 1, "color": 3, "strokes": 1} | (
        {"noise": 1} if noise else {}
    )
    for name, num in channels.items():
        chex.assert_shape(conditions[name], (*batch, height, width, num))
