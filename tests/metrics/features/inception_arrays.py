"""Weights and images that the golden outputs of Inception-v3 were computed with."""

import functools
import zlib

import numpy as np

from jaxrepro.metrics.features.inception import PROTOCOLS
from jaxrepro.metrics.features.inception_weights import expected_shapes


@functools.cache
def drawn_arrays(protocol: str) -> dict[str, np.ndarray]:
    """Arrays by the published names, each drawn from its own name."""
    shapes = expected_shapes(PROTOCOLS[protocol])
    return {name: _drawn(name, shape) for name, shape in shapes.items()}


def _drawn(name, shape):
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    normal = rng.standard_normal(shape)
    if name.endswith("running_var"):
        values = 0.5 + rng.uniform(size=shape)
    elif name.endswith("bn.weight"):
        values = 1 + 0.2 * normal
    elif name.endswith(("bn.bias", "running_mean", "fc.bias")):
        values = 0.2 * normal
    else:
        values = normal * np.sqrt(2 / np.prod(shape[1:]))
    return values.astype(np.float32)


def drawn_images(side: int) -> np.ndarray:
    """Two images, one of independent pixels and one of squares of 8; [2, 32, 32, 3] or 64x72."""
    rng = np.random.RandomState(side)
    height, width = side, side + 8 * (side == 64)
    fine = rng.randint(0, 256, (height, width, 3))
    coarse = rng.randint(0, 256, (height // 8, width // 8, 3))
    return np.stack([fine, coarse.repeat(8, axis=0).repeat(8, axis=1)]).astype(np.uint8)
