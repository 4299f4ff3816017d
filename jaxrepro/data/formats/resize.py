"""Resizing by separable interpolation, with the borders and kernels that results depend on.

Bicubic interpolation is not one thing. Libraries differ in the kernel, in whether it is widened
when a picture shrinks (antialiasing), and in what they assume outside of the picture. A published
PSNR belongs to one of them; super-resolution papers use that of MATLAB's `imresize`.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclasses.dataclass(frozen=True)
class Interpolation:
    """One way to resize.

    sharpness: the `a` of the cubic kernel of Keys (1981); None for linear interpolation.
    antialias: whether the kernel is widened by the factor of shrinking.
    border: what lies outside: "symmetric" (mirrored, the edge pixel repeated) or "replicate".
    """

    sharpness: float | None
    antialias: bool
    border: str

    @property
    def width(self) -> int:
        """The kernel is zero beyond half of this many pixels."""
        return 2 if self.sharpness is None else 4

    def weigh(self, distance: np.ndarray) -> np.ndarray:
        """Returns the kernel at `distance` in pixels."""
        x = np.abs(distance)
        if self.sharpness is None:
            return np.maximum(1 - x, 0)
        a = self.sharpness
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = a * (((x - 5) * x + 8) * x - 4)
        return np.where(x <= 1, near, np.where(x <= 2, far, 0))


MATLAB_BICUBIC = Interpolation(sharpness=-0.5, antialias=True, border="symmetric")
# As OpenCV resizes with INTER_CUBIC and INTER_LINEAR.
OPENCV_CUBIC = Interpolation(sharpness=-0.75, antialias=False, border="replicate")
OPENCV_LINEAR = Interpolation(sharpness=None, antialias=False, border="replicate")


def resize(x: Any, shape: tuple[int, int], interpolation: Interpolation = MATLAB_BICUBIC) -> Any:
    """Returns x resized to [..., H', W', C] with (H', W') = shape; nothing is rounded or clipped.

    x: floating [..., H, W, C], numpy or JAX; the result is of the same kind and type. In JAX it
    can be traced and differentiated. The default is MATLAB's `imresize(x, scale, 'bicubic')`: the
    published algorithm, in which the axis with the smaller scale comes first.
    """
    if not np.issubdtype(x.dtype, np.floating) and x.dtype != jnp.bfloat16:
        raise TypeError(f"resize takes floating numbers, not {x.dtype}")
    axes = sorted((-3, -2), key=lambda axis: shape[axis + 3] / x.shape[axis])
    for axis in axes:
        x = _resize_axis(x, axis, shape[axis + 3], interpolation)
    return x


@functools.lru_cache(maxsize=256)
def taps(size: int, new_size: int, interpolation: Interpolation) -> tuple[np.ndarray, np.ndarray]:
    """Returns (indices int [T, new_size], weights float64 [T, new_size]) for one axis.

    New pixel j is the sum over t of weights[t, j] times old pixel indices[t, j].
    """
    scale = new_size / size
    shrink = min(scale, 1.0) if interpolation.antialias else 1.0
    width = interpolation.width / shrink
    # Pixel centres are at whole numbers, counted from 0.
    centers = (np.arange(new_size) + 0.5) / scale - 0.5
    first = np.floor(centers - width / 2)
    positions = first + np.arange(int(np.ceil(width)) + 2)[:, None]
    weights = interpolation.weigh((centers - positions) * shrink)
    weights /= weights.sum(axis=0)
    positions = positions.astype(np.int64)
    if interpolation.border == "symmetric":
        folded = positions % (2 * size)
        indices = np.where(folded < size, folded, 2 * size - 1 - folded)
    else:
        indices = np.clip(positions, 0, size - 1)
    used = np.any(weights != 0, axis=1)
    return indices[used], weights[used]


def _resize_axis(x: Any, axis: int, new_size: int, interpolation: Interpolation) -> Any:
    if new_size == x.shape[axis]:
        return x
    xp = jnp if isinstance(x, jax.Array) else np
    indices, weights = taps(x.shape[axis], new_size, interpolation)
    total = None
    for index, weight in zip(indices, weights):
        shaped = weight.astype(x.dtype).reshape((-1,) + (1,) * (-axis - 1))
        term = xp.take(x, index, axis=axis) * shaped
        total = term if total is None else total + term
    return total
