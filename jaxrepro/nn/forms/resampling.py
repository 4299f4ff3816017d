"""Changes of size: nearest and bilinear upsampling, pixel shuffle, average and maximum pooling."""

import functools

import jax
import jax.numpy as jnp
from jax import lax


def upsample_nearest(x: jax.Array) -> jax.Array:
    """Returns [B, 2H, 2W, C]: every pixel of x [B, H, W, C] repeated twice along both sides."""
    batch, height, width, channels = x.shape
    x = jnp.broadcast_to(x[:, :, None, :, None, :], (batch, height, 2, width, 2, channels))
    return x.reshape(batch, 2 * height, 2 * width, channels)


def upsample_bilinear(x: jax.Array) -> jax.Array:
    """Returns [B, 2H, 2W, C]: x [B, H, W, C] interpolated linearly along both sides.

    Pixels are squares with their value at the centre (torch's align_corners=False): a new pixel
    is 3/4 of the old one it lies in and 1/4 of the next nearest, which at the border is itself.
    """
    for axis in (1, 2):
        size = x.shape[axis]
        edges = [(0, 0)] * 4
        edges[axis] = (1, 1)
        padded = jnp.pad(x, edges, mode="edge")
        before = lax.slice_in_dim(padded, 0, size, axis=axis)
        after = lax.slice_in_dim(padded, 2, size + 2, axis=axis)
        halves = jnp.stack([(3 * x + before) / 4, (3 * x + after) / 4], axis=axis + 1)
        x = halves.reshape(*x.shape[:axis], 2 * size, *x.shape[axis + 1 :])
    return x


def pixel_shuffle(x: jax.Array, scale: int) -> jax.Array:
    """Returns [B, scale H, scale W, C] of x [B, H, W, scale scale C]: depth to space.

    Channel (dy scale + dx) C + c of a pixel becomes channel c of the pixel at (dy, dx) of its
    square. That is TensorFlow's depth_to_space; torch's PixelShuffle has c first, the same only
    where C is 1. (Shi et al., CVPR 2016, equation 4.)
    """
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height, width, scale, scale, channels // scale**2)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(batch, scale * height, scale * width, -1)


UPSAMPLINGS = {"nearest": upsample_nearest, "bilinear": upsample_bilinear}


def average_pool(x: jax.Array) -> jax.Array:
    """Returns [B, H//2, W//2, C]: the mean of each 2x2 window of x [B, H, W, C]."""
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return jnp.mean(x, axis=(2, 4))


def max_pool(x: jax.Array) -> jax.Array:
    """Returns [B, H//2, W//2, C]: the maximum of each 2x2 window of x [B, H, W, C]."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _quarters(x: jax.Array) -> list[jax.Array]:
    """Returns the four pixels of each 2x2 window of x [B, H, W, C], each [B, H//2, W//2, C]."""
    height, width = (size // 2 * 2 for size in x.shape[1:3])
    return [x[:, i:height:2, j:width:2] for i in (0, 1) for j in (0, 1)]


def max_pool_of_slices(x: jax.Array) -> jax.Array:
    """Returns `max_pool(x)`, without the slow gradient of a reduction over windows.

    The gradient of equal values in a window is shared among them; `max_pool` gives it to one.
    """
    return functools.reduce(jnp.maximum, _quarters(x))
