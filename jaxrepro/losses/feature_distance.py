"""Distances of images in the maps of a fixed network: perceptual and style losses.

Both are given as many maps of each image as the network has depths; every depth counts alike.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax


def perceptual_distance(maps: Sequence[jax.Array], truth: Sequence[jax.Array]) -> jax.Array:
    """Returns of each image the sum over depths of the mean of |F(x) - F(y)|, float32 [B].

    maps F(x), truth F(y): each a sequence of [B, H_q, W_q, C_q]. (Johnson, Alahi and Li, ECCV
    2016, with absolute differences as Liu et al., ECCV 2018, equation 3.)
    """
    return sum(
        (
            jnp.abs(x.astype(jnp.float32) - y.astype(jnp.float32)).mean(axis=(1, 2, 3))
            for x, y in zip(maps, truth, strict=True)
        ),
        start=jnp.zeros(len(truth[0]), jnp.float32),
    )


def gram_matrix(features: jax.Array) -> jax.Array:
    """Returns of each image F^T F, the products of its channels summed over places.

    features F: [B, H, W, C] of any float type. Result: float32 [B, C, C], not divided by anything.
    """
    # In float32 on every machine: the difference of two such matrices is small beside them.
    features = features.astype(jnp.float32)
    return jnp.einsum("bhwc,bhwd->bcd", features, features, precision=lax.Precision.HIGHEST)


def style_distance(maps: Sequence[jax.Array], truth: Sequence[jax.Array]) -> jax.Array:
    """Returns of each image the sum over depths q of |G(x) - G(y)|_1 / (N_q C_q^2), float32 [B].

    G is `gram_matrix`, N_q = H_q W_q C_q. Arguments as of `perceptual_distance`. (Gatys, Ecker and
    Bethge 2015, with absolute differences as Liu et al., ECCV 2018, equations 4 and 5.)
    """
    total = jnp.zeros(len(truth[0]), jnp.float32)
    for x, y in zip(maps, truth, strict=True):
        _, height, width, channels = x.shape
        difference = jnp.abs(gram_matrix(x) - gram_matrix(y))
        total += difference.mean(axis=(1, 2)) / (height * width * channels)
    return total
