"""Bilinear resize without antialiasing, in the three alignments that measurements were taken with.

Where the two grids lie against each other moves pixels by up to half the enlargement, which shows
in measured numbers: the alignment is part of a measurement's protocol.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Alignment = Literal["half_pixel", "corner", "align_corners"]


def resize_bilinear(images: jax.Array, side: int, alignment: Alignment) -> jax.Array:
    """Images float32 [B, side, side, C] of `images`: float32 [B, H, W, C], any H and W.

    Each output pixel mixes the up to four input pixels around it, also where the image shrinks.
    alignment: where output pixel i lies on an input axis of n pixels:
      "half_pixel": (i + 1/2) n / side - 1/2, so that the edges of the images coincide.
      "corner": i n / side, so that the corners of the first pixels coincide (TensorFlow 1).
      "align_corners": i (n - 1) / (side - 1), so that the centres of the outer pixels coincide.
    """
    rows, columns = (_weights(length, side, alignment) for length in images.shape[1:3])
    # float32 throughout: an accelerator's default would round the pixels to 10 bits.
    return jnp.einsum("ph,bhwc,qw->bpqc", rows, images, columns, precision=lax.Precision.HIGHEST)


def _weights(length: int, side: int, alignment: Alignment) -> np.ndarray:
    """Weights float32 [side, length] of the input pixels in every output pixel."""
    index = np.arange(side)
    position = {
        "half_pixel": (index + 0.5) * length / side - 0.5,
        "corner": index * length / side,
        "align_corners": index * (length - 1) / max(side - 1, 1),
    }[alignment]
    position = np.clip(position, 0, length - 1)
    lower = np.floor(position).astype(int)
    upper = np.minimum(lower + 1, length - 1)
    weights = np.zeros((side, length))
    weights[index, lower] += 1 - (position - lower)
    weights[index, upper] += position - lower
    return weights.astype(np.float32)
